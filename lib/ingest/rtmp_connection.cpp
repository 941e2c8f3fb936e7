#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <utility>

#include "base/text.h"
#include "base/units.h"
#include "base/url.h"
#include "ingest/rtmp_server.h"

namespace stream::media {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using boost::system::error_code;
using tcp = asio::ip::tcp;

constexpr size_t kRead = 64 << 10;
constexpr auto kLinger = 500ms;  // for the peer to read our last words
constexpr auto kFullPause = 5ms;
constexpr auto kAnswerPoll = 1s;  // the answer wakes at once
constexpr auto kLongWait = 1h;    // that is broken off
constexpr int kReads = 4;         // one after the other, of a connection that has so much
constexpr char kClosed[] = "the connection was closed";

asio::awaitable<void> sleep(asio::steady_timer& timer, Nanoseconds time) {
  error_code ignored;
  timer.expires_after(std::chrono::duration_cast<asio::steady_timer::duration>(time));
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

rtmp::ServerOptions session_options(const RtmpLimits& limits) {
  rtmp::ServerOptions options;
  options.unauthorised_budget = limits.memory;
  return options;
}

}  // namespace

// The coroutine of a connection, which it keeps alive.
class RtmpConnection::Loop {
 public:
  static asio::awaitable<void> run(std::shared_ptr<RtmpConnection> self) {
    RtmpConnection& c = *self;
    const std::unique_ptr<uint8_t[]> buffer(new uint8_t[kRead]);
    if (c.tls_ && !co_await shake(c)) co_return;
    while (!c.closing_ && !c.gone_ && c.broken_.empty()) {
      // TLS hands out a record at a time, however much there is.
      if (c.receiver_ && !c.tls_)
        co_await read_in_turns(c);
      else
        co_await read(c, buffer.get());
      if (c.closing_ || c.gone_ || !c.broken_.empty()) break;
      if (c.session_.has_output() && !co_await write(c)) c.broken_ = kClosed;
      while (c.receiver_ && c.receiver_->full() && !c.closing_)
        co_await sleep(c.timer_, kFullPause);
    }
    if (!c.broken_.empty())
      c.finished(c.unpublished_ ? PublisherEnd::kStopped : PublisherEnd::kLost, c.broken_);
    if (c.closing_ && !c.gone_) co_await farewell(c, buffer.get());
    error_code ignored;
    c.socket_.close(ignored);
    c.gone_ = true;
  }

 private:
  static asio::awaitable<bool> shake(RtmpConnection& c) {
    c.shaking_ = true;
    error_code error;
    co_await c.tls_->async_handshake(asio::ssl::stream_base::server,
                                     asio::redirect_error(asio::use_awaitable, error));
    c.shaking_ = false;
    if (error && !c.closing_) c.drop("TLS: " + error.message(), "tls.handshake");
    if (error || c.gone_ || c.closing_) {
      c.gone_ = true;
      error_code ignored;
      c.socket_.close(ignored);
    }
    co_return !c.gone_;
  }

  // And waits for the answer to what was asked.
  static asio::awaitable<void> read(RtmpConnection& c, uint8_t* buffer) {
    error_code error;
    size_t n = 0;
    if (c.tls_)
      n = co_await c.tls_->async_read_some(asio::buffer(buffer, kRead),
                                           asio::redirect_error(asio::use_awaitable, error));
    else
      n = co_await c.socket_.async_read_some(asio::buffer(buffer, kRead),
                                             asio::redirect_error(asio::use_awaitable, error));
    if (c.closing_ || c.gone_) co_return;
    if (error) {
      const bool closed = error == asio::error::eof || error == asio::ssl::error::stream_truncated;
      c.broken_ = closed ? kClosed : error.message();
      co_return;
    }
    c.session_.feed({buffer, n});
    c.on_events();
    while (c.asking_ && !c.closing_ && !c.gone_) {
      co_await sleep(c.timer_, kAnswerPoll);
      if (!c.asking_) c.on_events();
    }
  }

  // Until something else is to be done than to read.
  static asio::awaitable<void> read_in_turns(RtmpConnection& c) {
    error_code ignored;
    const auto protocol = c.socket_.local_endpoint(ignored).protocol();
    c.reading_ = os::Fd(c.socket_.release());
    c.in_turns_ = true;
    c.awaited_ = c.receiver_->awaited();
    TurnReader& turns = c.awaited_ ? *c.turns_ : *c.idle_turns_;
    turns.add(c.reading_.get(), c);
    while (c.in_turns_ && !c.closing_) co_await sleep(c.timer_, kLongWait);
    c.in_turns_ = false;
    turns.remove(c.reading_.get(), c);
    c.socket_.assign(protocol, c.reading_.release(), ignored);
  }

  static asio::awaitable<bool> write(RtmpConnection& c) {
    const std::vector<uint8_t> output = c.session_.take_output();
    error_code error;
    if (c.tls_)
      co_await asio::async_write(*c.tls_, asio::buffer(output),
                                 asio::redirect_error(asio::use_awaitable, error));
    else
      co_await asio::async_write(c.socket_, asio::buffer(output),
                                 asio::redirect_error(asio::use_awaitable, error));
    co_return !error;
  }

  // Says the last words, and waits until they were read: a close with unread input would reset the
  // connection and take them away.
  static asio::awaitable<void> farewell(RtmpConnection& c, uint8_t* buffer) {
    if (c.delay_ > 0ns) co_await sleep(c.timer_, c.delay_);
    c.timer_.expires_after(kLinger);
    c.timer_.async_wait([self = c.shared_from_this()](error_code cancelled) {
      error_code ignored;
      if (!cancelled) self->socket_.close(ignored);
    });
    error_code error;
    if (c.session_.has_output()) co_await write(c);
    // An encoder that takes its leave closes by itself and may have more to say.
    if (!c.unpublished_ && c.tls_)
      co_await c.tls_->async_shutdown(asio::redirect_error(asio::use_awaitable, error));
    else if (!c.unpublished_)
      c.socket_.shutdown(tcp::socket::shutdown_send, error);
    while (!error)
      co_await c.socket_.async_read_some(asio::buffer(buffer, kRead),
                                         asio::redirect_error(asio::use_awaitable, error));
    c.timer_.cancel();
  }
};

RtmpConnection::RtmpConnection(RtmpServer& server, tcp::socket socket)
    : server_(&server),
      socket_(std::move(socket)),
      timer_(socket_.get_executor()),
      session_(session_options(server.options_.limits)),
      since_(monotonic_now()),
      last_media_(since_),
      turns_(server.turns_),
      idle_turns_(server.idle_turns_) {
  session_.on_media([this](rtmp::Media&& media) { on_media(std::move(media)); });
  error_code error;
  const auto peer = socket_.remote_endpoint(error);
  host_ = error ? "unknown" : peer.address().to_string();
  address_ = host_port(host_, error ? 0 : peer.port());
  if (!server.options_.tls) return;
  tls_context_ = server.options_.tls();
  tls_ = std::make_unique<asio::ssl::stream<tcp::socket&>>(socket_, *tls_context_);
}

void RtmpConnection::start() {
  asio::co_spawn(socket_.get_executor(), Loop::run(shared_from_this()), asio::detached);
}

bool RtmpConnection::readable(bool end) {
  static thread_local const std::unique_ptr<uint8_t[]> buffer(new uint8_t[kRead]);
  end_seen_ = end_seen_ || end;
  for (int i = 0; i < kReads; ++i) {
    if (!in_turns_ || closing_) return false;
    const ssize_t n = ::recv(reading_.get(), buffer.get(), kRead, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return false;
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      broken_ = n == 0 ? kClosed : error_code(errno, boost::system::system_category()).message();
    } else {
      session_.feed({buffer.get(), static_cast<size_t>(n)});
      on_events();
    }
    if (n <= 0 || session_.has_output() || !receiver_ || receiver_->full() ||
        receiver_->awaited() != awaited_) {
      in_turns_ = false;
      timer_.cancel();
      return false;
    }
    // Less than there was room for is all; what comes now is told anew. The end is not.
    if (static_cast<size_t>(n) < kRead && !end_seen_) return false;
  }
  return true;
}

void RtmpConnection::finished(PublisherEnd end, const std::string& reason) {
  auto receiver = std::exchange(receiver_, nullptr);
  if (!receiver) return;
  receiver->closed(end, reason);
}

// Who was only silent for a while, or meets a server that stops, may come again: these are no
// refusals, after which an encoder and stream-simulcast would not.
static std::string_view status_of(PublisherEnd end) {
  switch (end) {
    case PublisherEnd::kReplaced:
      return rtmp::status::kBadName;
    case PublisherEnd::kRevoked:
      return rtmp::status::kDenied;
    case PublisherEnd::kIdle:
      return "NetStream.Publish.Idle";
    case PublisherEnd::kShutdown:
      return "NetConnection.Connect.AppShutdown";
    default:
      return rtmp::status::kRejected;
  }
}

void RtmpConnection::end(PublisherEnd end, const std::string& reason) {
  if (closing_ || gone_) return;
  closing_ = true;
  if (receiver_) session_.reject(status_of(end), reason);
  finished(end, reason);
  error_code ignored;
  socket_.cancel(ignored);
  timer_.cancel();
}

// Without a word: nobody who is owed one was on the line yet.
void RtmpConnection::drop(const std::string& reason, const char* id) {
  if (gone_) return;
  gone_ = true;
  if (server_->hooks_.refused) server_->hooks_.refused(address_, reason, id);
  error_code ignored;
  socket_.close(ignored);
}

void RtmpConnection::tick(Nanoseconds now) {
  if (closing_ || gone_) return;
  const RtmpLimits& limits = server_->options_.limits;
  if (!receiver_) {
    if (shaking_ && now - since_ > limits.tls)
      drop("TLS: no handshake within " + to_text(Duration{limits.tls}), "rtmp.timeout");
    else if (now - since_ > limits.admission)
      drop("did not publish within " + to_text(Duration{limits.admission}), "rtmp.timeout");
    return;
  }
  if (now - last_media_ > limits.idle)
    return end(PublisherEnd::kIdle, "no media for " + to_text(Duration{limits.idle}));
  receiver_->tick(now);
}

void RtmpConnection::on_connect(const rtmp::ConnectRequested& request) {
  encoder_ = request.flash_version;
  const std::string& app = server_->options_.app;
  std::string_view given = request.app;
  while (given.ends_with('/')) given.remove_suffix(1);
  const bool ours = app.empty() || given == app ||
                    (given.starts_with(app) && given.substr(app.size()).starts_with('/'));
  if (ours) {
    if (!app.empty() && given.size() > app.size()) app_rest_ = given.substr(app.size() + 1);
    return session_.accept();
  }
  closing_ = true;
  session_.reject(rtmp::status::kConnectInvalidApp,
                  "no such application; publish to /" + app + "/KEY");
  if (server_->hooks_.refused)
    server_->hooks_.refused(address_, "wrong application in the URL", "rtmp.application");
}

void RtmpConnection::on_publish(rtmp::PublishRequested& request) {
  PublishAttempt attempt;
  attempt.address = address_;
  attempt.host = host_;
  attempt.encoder = encoder_;
  attempt.connection = weak_from_this();
  attempt.keys.push_back(app_rest_.empty()
                             ? std::move(request.key)
                             : Secret(app_rest_ + "/" + std::string(request.key.reveal())));
  asking_ = true;
  server_->hooks_.check(attempt,
                        [self = shared_from_this(), attempt](PublisherAdmission admission) {
                          self->answered(attempt, std::move(admission));
                        });
}

void RtmpConnection::answered(const PublishAttempt& attempt, PublisherAdmission admission) {
  asking_ = false;
  if (closing_ || gone_) return;  // it left meanwhile
  timer_.cancel();
  if (admission.ok()) admission = server_->hooks_.publish(attempt, std::move(admission));
  if (admission.receiver) {
    receiver_ = std::move(admission.receiver);
    last_media_ = monotonic_now();
    return session_.accept();
  }
  closing_ = true;
  delay_ = admission.delay;
  // Encoders give up for good after any status. Without words they may try again.
  if (!admission.description.empty())
    session_.reject(rtmp::status::kBadName, admission.description);
}

void RtmpConnection::on_events() {
  while (!closing_) {
    auto event = session_.next();
    if (!event) return;
    on_event(*event);
  }
}

void RtmpConnection::on_media(rtmp::Media&& media) {
  if (closing_ || !receiver_) return;
  last_media_ = monotonic_now();
  if (const auto refusal = receiver_->media(std::move(media), last_media_))
    end(PublisherEnd::kRefused, *refusal);
}

void RtmpConnection::on_event(rtmp::Event& event) {
  if (auto* media = std::get_if<rtmp::Media>(&event)) {
    on_media(std::move(*media));
  } else if (const auto* metadata = std::get_if<rtmp::Metadata>(&event)) {
    receiver_->metadata(*metadata);
  } else if (const auto* connect = std::get_if<rtmp::ConnectRequested>(&event)) {
    on_connect(*connect);
  } else if (auto* publish = std::get_if<rtmp::PublishRequested>(&event)) {
    on_publish(*publish);
  } else if (std::holds_alternative<rtmp::Unpublished>(event)) {
    unpublished_ = true;
    closing_ = receiver_ != nullptr;
    finished(PublisherEnd::kStopped, "the encoder stopped");
  } else if (const auto* failed = std::get_if<rtmp::Failed>(&event)) {
    closing_ = true;
    if (receiver_)
      finished(PublisherEnd::kRefused, failed->reason);
    else if (server_->hooks_.refused)
      server_->hooks_.refused(address_, failed->reason, "rtmp.protocol");
  }
}

}  // namespace stream::media

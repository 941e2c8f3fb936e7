#include "ingest/srt_server.h"

#include <boost/asio/post.hpp>
#include <utility>

#include "base/text.h"
#include "base/units.h"
#include "ingest/ts_reader.h"
#include "srt/stream_id.h"

namespace stream::media {

using namespace std::chrono_literals;

namespace {

constexpr auto kSrtTick = 250ms;

int code_of(PublisherAdmission::Refusal refusal) {
  switch (refusal) {
    case PublisherAdmission::Refusal::kNone:
      return 0;
    case PublisherAdmission::Refusal::kKey:
      return srt::kUnauthorized;
    case PublisherAdmission::Refusal::kStream:
      return srt::kForbidden;
    case PublisherAdmission::Refusal::kConflict:
      return srt::kConflict;
    case PublisherAdmission::Refusal::kUnavailable:
      return srt::kUnavailable;
  }
  return srt::kUnavailable;
}

// From the question to the connection.
struct Let {
  PublishAttempt attempt;
  PublisherAdmission admission;
};

}  // namespace

// One publisher's connection, from its acceptance to the end of what it sent.
class SrtPublisher : public PublisherConnection, public std::enable_shared_from_this<SrtPublisher> {
 public:
  SrtPublisher(SrtServer& server, std::shared_ptr<srt::Socket> socket)
      : server_(server), socket_(std::move(socket)), last_media_(monotonic_now()) {}
  bool begin(Let let);
  void tick(Nanoseconds now);

  void end(PublisherEnd end, const std::string& reason) override;
  uint64_t received_bytes() const override { return socket_->stats().received_bytes; }
  std::optional<LinkStats> link() const override;

 private:
  void media(std::vector<TsReader::Item> items);
  void finished(PublisherEnd end, const std::string& reason);

  SrtServer& server_;
  std::shared_ptr<srt::Socket> socket_;
  std::unique_ptr<PublisherReceiver> receiver_;
  std::unique_ptr<TsReader> reader_;
  Nanoseconds last_media_;
  PublisherEnd end_ = PublisherEnd::kLost;
  std::string reason_;
};

bool SrtPublisher::begin(Let let) {
  let.attempt.connection = weak_from_this();
  receiver_ = server_.hooks_.publish(let.attempt, std::move(let.admission)).receiver;
  if (!receiver_) return false;
  // The reader goes with this object, and no handler of it is called later.
  TsReader::Handlers handlers;
  handlers.media = [this](std::vector<TsReader::Item> items) { media(std::move(items)); };
  handlers.full = [this] { return receiver_ && receiver_->full(); };
  handlers.notice = [this](const std::string& text) {
    if (receiver_) receiver_->notice(text);
  };
  handlers.ended = [this](const std::string& error) {
    if (!error.empty()) return end(PublisherEnd::kRefused, error);
    finished(end_, reason_);
  };
  reader_ = std::make_unique<TsReader>(server_.io_, "SRT from " + socket_->address(),
                                       std::move(handlers));
  srt::Socket::Handlers link;
  link.received = reader_->sink();
  link.closed = [this](const srt::Failure& failure) {
    end_ =
        failure.kind == srt::Failure::Kind::kClosed ? PublisherEnd::kStopped : PublisherEnd::kLost;
    reason_ = failure.reason;
    reader_->finish();  // what was received counts
  };
  socket_->start(std::move(link));
  return true;
}

void SrtPublisher::media(std::vector<TsReader::Item> items) {
  const auto self = shared_from_this();
  for (TsReader::Item& item : items) {
    if (!receiver_) return;
    last_media_ = monotonic_now();
    if (const auto refusal = receiver_->media(std::move(item.media), item.dts, last_media_))
      return end(PublisherEnd::kRefused, *refusal);
  }
}

void SrtPublisher::tick(Nanoseconds now) {
  if (!receiver_) return;
  const Nanoseconds idle = server_.options_.idle;
  if (now - last_media_ > idle)
    return end(PublisherEnd::kIdle, "no media for " + to_text(Duration{idle}));
  receiver_->tick(now);
}

void SrtPublisher::end(PublisherEnd end, const std::string& reason) {
  const auto self = shared_from_this();
  finished(end, reason);
}

// SRT has no words for an end: the connection closes.
void SrtPublisher::finished(PublisherEnd end, const std::string& reason) {
  const auto receiver = std::exchange(receiver_, nullptr);
  if (!receiver) return;
  socket_->close();
  receiver->closed(end, reason);
  // Not at once: the reader may be on the stack.
  boost::asio::post(server_.io_, [self = shared_from_this()] {
    self->reader_.reset();
    self->server_.publishers_.erase(self);
  });
}

std::optional<LinkStats> SrtPublisher::link() const {
  const srt::Stats s = socket_->stats();
  LinkStats link;
  link.rtt_seconds = s.rtt_seconds;
  link.latency_seconds = s.latency_seconds;
  link.buffer_seconds = s.buffer_seconds;
  link.receive_bps = s.receive_bps;
  link.bandwidth_bps = s.bandwidth_bps;
  link.received_packets = s.received_packets;
  link.lost_packets = s.lost_packets;
  link.retransmitted_packets = s.retransmitted_packets;
  link.dropped_packets = s.dropped_packets;
  link.undecrypted_packets = s.undecrypted_packets;
  return link;
}

// --- the port --------------------------------------------------------------------------------

SrtServer::SrtServer(boost::asio::io_context& io, srt::Engine& engine, Options options,
                     PublisherHooks hooks)
    : io_(io),
      options_(std::move(options)),
      passphrases_(std::make_shared<const std::map<std::string, Secret>>(options_.passphrases)),
      hooks_(std::move(hooks)),
      ticker_(io) {
  srt::Listener::Handlers handlers;
  handlers.asked = [this](const srt::Asking& asking, srt::Listener::Handlers::Answered answered) {
    asked(asking, std::move(answered));
  };
  handlers.accepted = [this](std::shared_ptr<srt::Socket> socket,
                             const std::shared_ptr<void>& token) {
    accepted(std::move(socket), token);
  };
  listener_ = engine.listen(options_.host, options_.port, options_.settings, std::move(handlers));
  tick();
}

SrtServer::~SrtServer() {
  stop();
}

uint16_t SrtServer::port() const {
  return listener_ ? listener_->port() : options_.port;
}

void SrtServer::asked(const srt::Asking& asking, srt::Listener::Handlers::Answered answered) {
  const auto refuse = [&](int code, const char* reason, const char* id) {
    if (hooks_.refused) hooks_.refused(asking.address, reason, id);
    srt::Answer answer;
    answer.refused = code;
    answered(std::move(answer));
  };
  const auto id = srt::parse_stream_id(asking.stream_id);
  if (!id) return refuse(srt::kBadRequest, "the stream id can't be read", "srt.stream_id");
  if (id->mode == srt::StreamId::Mode::kOther)
    return refuse(srt::kBadMode, "it wants to receive; only publishers are taken", "srt.mode");
  if (publishers_.size() >= options_.connections)
    return refuse(srt::kOverload, "too many connections", "srt.crowded");
  auto let = std::make_shared<Let>();
  let->attempt.protocol = "srt";
  let->attempt.address = asking.address;
  let->attempt.host = asking.host;
  let->attempt.keys = id->keys;
  let->attempt.stream = id->stream;
  let->attempt.clock = TsReader::kClock;
  // Whoever answers later may outlive the server.
  hooks_.check(let->attempt, [let, answered = std::move(answered),
                              passphrases = passphrases_](PublisherAdmission admission) {
    srt::Answer answer;
    answer.refused = code_of(admission.refusal);
    if (answer.refused == 0) {
      if (const auto own = passphrases->find(admission.stream); own != passphrases->end())
        answer.passphrase = own->second;
      let->admission = std::move(admission);
      answer.token = let;
    }
    answered(std::move(answer));
  });
}

void SrtServer::accepted(std::shared_ptr<srt::Socket> socket, const std::shared_ptr<void>& token) {
  if (!token) return;
  ++accepted_;
  const auto publisher = std::make_shared<SrtPublisher>(*this, std::move(socket));
  if (publisher->begin(std::move(*std::static_pointer_cast<Let>(token))))
    publishers_.insert(publisher);
}

void SrtServer::tick() {
  ticker_.expires_after(kSrtTick);
  ticker_.async_wait([this](boost::system::error_code cancelled) {
    if (cancelled) return;
    const Nanoseconds now = monotonic_now();
    const auto all = publishers_;
    for (const auto& publisher : all) publisher->tick(now);
    if (listener_) tick();
  });
}

void SrtServer::stop() {
  if (!listener_) return;
  options_.port = listener_->port();
  listener_.reset();
  ticker_.cancel();
  const auto all = publishers_;
  for (const auto& publisher : all) publisher->end(PublisherEnd::kShutdown, "the server stops");
}

PublisherServer::Counts SrtServer::counts() const {
  Counts counts;
  counts.publishing = publishers_.size();
  counts.accepted = accepted_;
  return counts;
}

}  // namespace stream::media

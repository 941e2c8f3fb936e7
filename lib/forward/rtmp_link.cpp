#include "forward/rtmp_link.h"

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>

#include "base/error.h"
#include "base/text.h"
#include "net/address.h"
#include "net/connector.h"
#include "rtmp/client_session.h"

namespace stream::media {
namespace {

using Kind = LinkFailure::Kind;
using net::Connection;

// Taken from the queue at a time; can no longer be dropped then.
constexpr size_t kRtmpBatchBytes = 64 << 10;
constexpr int kMaxRedirects = 3;

class RtmpLink : public ForwardLink, public std::enable_shared_from_this<RtmpLink> {
 public:
  RtmpLink(ForwardNetwork& network, RtmpLinkOptions options, ForwardLinkHost& host)
      : network_(network), options_(std::move(options)), host_(&host) {}
  ~RtmpLink() override {
    if (connector_) connector_->cancel();
  }
  void begin();

  void send(ForwardQueue& queue, int64_t offset_ms) override;
  bool flushed() const override { return at_ == pieces_.size(); }
  void finish() override;
  Flow flow() const override;

 private:
  template <typename Function>
  auto guarded(Function function) {
    return [weak = weak_from_this(), function](auto&&... values) {
      if (const auto self = weak.lock(); self && !self->failed_)
        function(*self, std::forward<decltype(values)>(values)...);
    };
  }
  void resolve();
  void connect(net::Resolved resolved);
  void connected(net::Connector::Socket socket);
  void handshake();
  void talk();
  void arm_read();
  void arm_write();
  void readable();
  void handle(const rtmp::ClientEvent& event);
  void on_connected(const rtmp::PeerConnected& event);
  void on_refused(const rtmp::PublishRefused& event);
  void redirect(const Secret& url);
  bool write();
  void queue_output();
  void cut_off(const std::string& reason);
  void broken();
  void fail(Kind kind, const std::string& reason, bool permanent = false);
  void fail(LinkFailure failure);

  ForwardNetwork& network_;
  RtmpLinkOptions options_;
  ForwardLinkHost* host_;
  ForwardTarget target_;
  int redirects_ = 0;
  bool outer_only_ = false;  // sent here by a peer of the public internet: no way into ours
  bool peer_inner_ = false;
  std::shared_ptr<net::Connector> connector_;
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<rtmp::ClientSession> session_;
  bool shaking_ = false;  // TLS
  bool heard_ = false;    // the peer has said something behind TLS
  bool publishing_ = false, started_ = false, failed_ = false, write_armed_ = false;
  bool finish_wanted_ = false;

  // Whole messages on their way out: the first at_ pieces and skip_ bytes are gone.
  std::vector<Buffer> pieces_;
  size_t at_ = 0, skip_ = 0;
  uint64_t sent_ = 0, taken_ = 0;
};

// Where the sitting before was sent, when that may be followed.
void RtmpLink::begin() {
  target_ = options_.target;
  if (const auto move = host_->take_move(); move && !move->url.empty()) {
    if (auto moved = follow(target_, move->url)) {
      target_ = std::move(*moved);
      outer_only_ = !move->from_inner;
    }
  }
  resolve();
}

void RtmpLink::resolve() {
  network_.resolver.resolve(
      target_.host, target_.port,
      guarded([](RtmpLink& self, net::Resolved resolved) { self.connect(std::move(resolved)); }));
}

void RtmpLink::connect(net::Resolved resolved) {
  if (resolved.endpoints.empty())
    return fail(Kind::kUnreachable, "cannot resolve " + target_.host + ": " + resolved.error);
  if (outer_only_) {
    std::erase_if(resolved.endpoints,
                  [](const auto& e) { return net::is_inner_address(e.address()); });
    if (resolved.endpoints.empty())
      return fail(Kind::kRefused, "the peer sends us to an inner network, which is not followed");
  }
  host_->link_phase(ForwardState::kConnecting);
  connector_ = net::Connector::start(
      network_.io, std::move(resolved.endpoints),
      guarded([](RtmpLink& self, std::optional<net::Connector::Socket> socket, std::string error) {
        if (!socket) return self.fail(Kind::kUnreachable, error);
        self.connected(std::move(*socket));
      }));
}

void RtmpLink::connected(net::Connector::Socket socket) {
  connector_.reset();
  boost::system::error_code gone;
  peer_inner_ = net::is_inner_address(socket.remote_endpoint(gone).address());
  connection_ = std::make_unique<Connection>(std::move(socket));
  if (!host_->link_phase(ForwardState::kHandshaking)) {
    failed_ = true;
    return;
  }
  if (target_.scheme == "rtmps") {
    shaking_ = true;
    connection_->start_tls(*network_.trust, target_.host);
    return handshake();
  }
  talk();
}

void RtmpLink::handshake() {
  switch (connection_->handshake()) {
    case Connection::Status::kOk:
      shaking_ = false;
      return talk();
    case Connection::Status::kAgain:
      // A client waits for its peer; what it writes fits the socket's buffer.
      return connection_->on_readable(guarded([](RtmpLink& self) { self.handshake(); }));
    case Connection::Status::kClosed:
      return cut_off("the connection was closed during the TLS handshake");
    case Connection::Status::kFailed:
      return broken();
  }
}

void RtmpLink::talk() {
  rtmp::ClientOptions options;
  options.app = target_.app;
  options.tc_url = target_.tc_url();
  options.key = target_.key;
  options.fourccs = options_.fourccs;
  options.chunk_size = kForwardChunkSize;
  session_ = std::make_unique<rtmp::ClientSession>(std::move(options));
  write();
  if (!failed_) arm_read();
}

void RtmpLink::arm_read() {
  connection_->on_readable(guarded([](RtmpLink& self) { self.readable(); }));
}

void RtmpLink::arm_write() {
  if (write_armed_) return;
  write_armed_ = true;
  connection_->on_writable(guarded([](RtmpLink& self) {
    self.write_armed_ = false;
    if (self.write() && self.started_) self.host_->link_writable();
  }));
}

void RtmpLink::readable() {
  const auto self = shared_from_this();
  std::array<uint8_t, 8192> buffer;
  for (int i = 0; i < 8; ++i) {  // the others want their turn
    const auto [status, bytes] = connection_->read(buffer);
    if (status == Connection::Status::kAgain) break;
    if (status == Connection::Status::kFailed) return broken();
    if (status == Connection::Status::kClosed)
      return cut_off(started_ ? "the peer closed the connection"
                              : "the peer closed the connection before the start");
    heard_ = true;
    session_->feed(Bytes(buffer).first(bytes));
    while (auto event = session_->next()) {
      handle(*event);
      if (failed_ || !session_) return;
    }
    if (bytes < buffer.size() && !connection_->is_tls()) break;
  }
  if (!publishing_ && session_->phase() != rtmp::ClientSession::Phase::kHandshake) {
    publishing_ = true;
    host_->link_phase(ForwardState::kPublishing);
    if (failed_) return;
  }
  if (!write()) return;
  arm_read();
}

void RtmpLink::handle(const rtmp::ClientEvent& event) {
  if (const auto* connected = std::get_if<rtmp::PeerConnected>(&event)) {
    on_connected(*connected);
  } else if (std::holds_alternative<rtmp::PublishStarted>(event)) {
    if (!publishing_) host_->link_phase(ForwardState::kPublishing);
    publishing_ = started_ = true;
    host_->link_ready();
  } else if (const auto* refused = std::get_if<rtmp::PublishRefused>(&event)) {
    on_refused(*refused);
  } else if (const auto* redirected = std::get_if<rtmp::Redirected>(&event)) {
    redirect(redirected->url);
  } else if (const auto* moved = std::get_if<rtmp::ReconnectRequested>(&event)) {
    host_->link_moved({moved->url, peer_inner_});
  } else if (const auto* broken = std::get_if<rtmp::ClientFailed>(&event)) {
    fail(Kind::kProtocol, "the peer breaks the protocol: " + escaped(broken->reason));
  }
}

void RtmpLink::on_connected(const rtmp::PeerConnected& event) {
  if (options_.assume_enhanced) return;
  for (const std::string& code : options_.fourccs) {
    const bool known = std::any_of(event.fourccs.begin(), event.fourccs.end(),
                                   [&](const std::string& c) { return c == code || c == "*"; });
    if (!known)
      return fail(Kind::kRefused,
                  "the destination does not announce the codec " + code +
                      "; if it takes it all the same, enhanced=always",
                  true);
  }
}

void RtmpLink::on_refused(const rtmp::PublishRefused& event) {
  const std::string code = event.code.empty() ? "no reason given" : escaped(event.code);
  // The description may repeat what we sent.
  std::string description = event.description;
  std::string key(target_.key.reveal());
  key.resize(std::min(key.find('?'), key.size()));
  const bool taken = says_taken(description) && !says_taken(key);
  if (!key.empty() && description.find(key) != std::string::npos)
    description = "(holds the key, not shown)";
  const bool ended = started_ && !event.permanent();
  fail({ended ? Kind::kNetwork : Kind::kRefused, event.permanent(),
        event.code == "NetStream.Publish.BadName",
        code + (description.empty() ? "" : ": " + escaped(description)), taken});
}

void RtmpLink::redirect(const Secret& url) {
  auto target = follow(target_, url);
  if (!target || ++redirects_ > kMaxRedirects)
    return fail(Kind::kRefused,
                "the peer redirects where it is not followed: to another protocol, "
                "from RTMPS to plain RTMP, or too often");
  target_ = std::move(*target);
  outer_only_ = outer_only_ || !peer_inner_;
  connection_.reset();
  session_.reset();
  pieces_.clear();
  at_ = skip_ = 0;
  heard_ = publishing_ = write_armed_ = false;
  resolve();
}

void RtmpLink::queue_output() {
  if (!session_ || !session_->has_output()) return;
  const std::vector<uint8_t> bytes = session_->take_output();
  taken_ += bytes.size();
  pieces_.push_back(Buffer::copy(bytes));
}

// False when the peer takes no more now, or all is over.
bool RtmpLink::write() {
  if (failed_ || !connection_ || shaking_) return false;
  if (at_ == pieces_.size()) {
    pieces_.clear();
    at_ = skip_ = 0;
    queue_output();
  }
  while (at_ < pieces_.size()) {
    const auto [status, bytes] = connection_->write(std::span(pieces_).subspan(at_), skip_);
    if (status == Connection::Status::kAgain) {
      arm_write();
      return false;
    }
    if (status != Connection::Status::kOk) {
      broken();
      return false;
    }
    sent_ += bytes;
    skip_ += bytes;
    while (at_ < pieces_.size() && skip_ >= pieces_[at_].size()) skip_ -= pieces_[at_++].size();
  }
  if (session_ && session_->has_output()) return write();
  if (finish_wanted_ && session_ && session_->phase() == rtmp::ClientSession::Phase::kStarted) {
    session_->unpublish();
    if (!write()) return false;
    connection_->shut_down();
  }
  return true;
}

void RtmpLink::send(ForwardQueue& queue, int64_t offset_ms) {
  const auto self = shared_from_this();
  if (!started_ || failed_ || finish_wanted_) return;
  while (write() && !queue.empty()) {
    pieces_.clear();
    at_ = skip_ = 0;
    for (size_t batch = 0; batch < kRtmpBatchBytes && pieces_.size() < 60;) {
      const MessagePtr message = queue.pop();
      if (!message) break;
      const int64_t time = message->milliseconds == kNoTime ? 0 : message->milliseconds - offset_ms;
      const size_t first = pieces_.size();
      session_->media(pieces_, message->wire, static_cast<uint32_t>(time));
      for (size_t i = first; i < pieces_.size(); ++i) batch += pieces_[i].size();
    }
    for (const Buffer& piece : pieces_) taken_ += piece.size();
  }
}

void RtmpLink::finish() {
  const auto self = shared_from_this();
  finish_wanted_ = true;
  write();
}

ForwardLink::Flow RtmpLink::flow() const {
  Flow flow;
  flow.sent_bytes = sent_;
  flow.taken_bytes = taken_;
  if (session_) flow.application_bytes = session_->acknowledged();
  if (!connection_) return flow;
  if (const auto tcp = connection_->flow()) {
    flow.acknowledged_bytes = tcp->acknowledged_bytes;
    flow.pending_bytes = tcp->unacknowledged_bytes + (taken_ - sent_);
    flow.rtt_seconds = tcp->rtt_seconds;
  }
  return flow;
}

void RtmpLink::cut_off(const std::string& reason) {
  LinkFailure failure{Kind::kNetwork, false, false, reason};
  failure.unanswered = !heard_;
  fail(std::move(failure));
}

void RtmpLink::broken() {
  if (connection_->was_cut()) return cut_off(connection_->error());
  fail(Kind::kNetwork, connection_->error());
}

void RtmpLink::fail(Kind kind, const std::string& reason, bool permanent) {
  fail({kind, permanent, false, reason});
}

void RtmpLink::fail(LinkFailure failure) {
  if (failed_) return;
  const auto self = shared_from_this();
  failed_ = true;
  host_->link_failed(std::move(failure));
}

}  // namespace

std::shared_ptr<ForwardLink> make_rtmp_link(ForwardNetwork& network, RtmpLinkOptions options,
                                            ForwardLinkHost& host) {
  auto link = std::make_shared<RtmpLink>(network, std::move(options), host);
  boost::asio::post(network.io, [weak = std::weak_ptr(link)] {
    if (const auto self = weak.lock()) self->begin();
  });
  return link;
}

}  // namespace stream::media

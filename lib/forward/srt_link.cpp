#include "forward/srt_link.h"

#include <boost/asio/post.hpp>
#include <optional>

#include "base/error.h"
#include "srt/address.h"
#include "srt/caller.h"

namespace stream::media {
namespace {

using Kind = LinkFailure::Kind;
using namespace std::chrono_literals;

constexpr size_t kSrtBatchBytes = 32 << 10;  // handed to the socket at a time
constexpr Nanoseconds kPlayMargin = 100ms;

class SrtLink : public ForwardLink, public std::enable_shared_from_this<SrtLink> {
 public:
  SrtLink(ForwardNetwork& network, ForwardTarget target, SrtLinkOptions options,
          ForwardLinkHost& host)
      : network_(network),
        target_(std::move(target)),
        options_(std::move(options)),
        host_(&host),
        packer_(options_.tracks,
                [this](bool video, const std::string& why) { host_->link_lost(video, why); }) {}
  void begin();

  void send(ForwardQueue& queue, int64_t offset_ms) override;
  bool flushed() const override;
  void finish() override;
  Flow flow() const override;

 private:
  void connect(net::Resolved resolved);
  void connected();
  void closed(const srt::Failure& failure);
  bool hand_over();
  void fail(Kind kind, const std::string& reason, bool permanent = false, bool taken = false);

  ForwardNetwork& network_;
  ForwardTarget target_;
  SrtLinkOptions options_;
  ForwardLinkHost* host_;
  std::optional<srt::Caller> caller_;
  std::shared_ptr<srt::Socket> socket_;  // once it is connected
  TsPacker packer_;
  bool started_ = false, failed_ = false, finished_ = false;
  std::vector<uint8_t> bytes_;  // muxed, not handed over yet
  uint64_t taken_ = 0;
  mutable std::optional<Nanoseconds> drained_at_;
};

void SrtLink::begin() {
  host_->link_phase(ForwardState::kResolving);
  network_.resolver.resolve(target_.host, target_.port,
                            [weak = weak_from_this()](net::Resolved resolved) {
                              const auto self = weak.lock();
                              if (self && !self->failed_) self->connect(std::move(resolved));
                            });
}

void SrtLink::connect(net::Resolved resolved) {
  if (resolved.endpoints.empty())
    return fail(Kind::kUnreachable, "cannot resolve " + target_.host + ": " + resolved.error);
  if (!host_->link_phase(ForwardState::kConnecting)) return;
  srt::Socket::Handlers handlers;
  handlers.connected = [this] { connected(); };
  handlers.writable = [this] {
    if (started_) host_->link_writable();
  };
  handlers.closed = [this](const srt::Failure& failure) { closed(failure); };
  caller_.emplace(network_.srt(), options_.turns, target_.srt);
  caller_->call(resolved.endpoints, std::move(handlers));
}

void SrtLink::connected() {
  const auto self = shared_from_this();
  socket_ = caller_->socket();
  if (!host_->link_phase(ForwardState::kHandshaking)) return;
  if (!host_->link_phase(ForwardState::kPublishing)) return;
  started_ = true;
  host_->link_ready();
}

void SrtLink::closed(const srt::Failure& failure) {
  using F = srt::Failure::Kind;
  const Kind kind = failure.kind == F::kUnreachable ? Kind::kUnreachable
                    : failure.kind == F::kRefused   ? Kind::kRefused
                                                    : Kind::kNetwork;
  fail(kind, failure.reason, failure.permanent, failure.in_use);
}

// False when the socket takes no more now.
bool SrtLink::hand_over() {
  if (bytes_.empty()) return true;
  if (!socket_->send(Buffer::copy(bytes_))) return false;
  bytes_.clear();
  return true;
}

void SrtLink::send(ForwardQueue& queue, int64_t offset_ms) {
  const auto self = shared_from_this();
  if (!started_ || failed_ || finished_) return;
  try {
    while (hand_over() && !queue.empty()) {
      while (bytes_.size() < kSrtBatchBytes) {
        const MessagePtr message = queue.pop();
        if (!message) break;
        const size_t before = bytes_.size();
        packer_.add(*message, offset_ms, bytes_);
        taken_ += bytes_.size() - before;
      }
    }
  } catch (const Error& error) {
    const bool never = error.code() == Exit::kUnsupported;
    fail(never ? Kind::kRefused : Kind::kMedia, error.what(), never);
  }
}

// At the end also: the peer had its latency to play what it acknowledged.
bool SrtLink::flushed() const {
  if (!socket_ || !bytes_.empty()) return !socket_;
  const srt::Stats stats = socket_->stats();
  if (stats.waiting_bytes > 0) return false;
  if (!finished_) return true;
  if (stats.buffered_bytes > 0) return false;
  if (!drained_at_) drained_at_ = monotonic_now();
  return monotonic_now() - *drained_at_ >=
         std::chrono::duration<double>(stats.latency_seconds) + kPlayMargin;
}

void SrtLink::finish() {
  if (socket_ && !std::exchange(finished_, true)) socket_->finish();
}

ForwardLink::Flow SrtLink::flow() const {
  Flow flow;
  flow.taken_bytes = taken_;
  if (!socket_) return flow;
  const srt::Stats stats = socket_->stats();
  flow.sent_bytes = stats.sent_bytes;
  flow.acknowledged_bytes = stats.acknowledged_bytes;
  flow.pending_bytes = bytes_.size() + stats.waiting_bytes + stats.buffered_bytes;
  flow.rtt_seconds = stats.rtt_seconds;
  return flow;
}

void SrtLink::fail(Kind kind, const std::string& reason, bool permanent, bool taken) {
  if (failed_) return;
  const auto self = shared_from_this();
  failed_ = true;
  host_->link_failed({kind, permanent, taken, reason, taken});
}

}  // namespace

std::shared_ptr<ForwardLink> make_srt_link(ForwardNetwork& network, ForwardTarget target,
                                           SrtLinkOptions options, ForwardLinkHost& host) {
  auto link = std::make_shared<SrtLink>(network, std::move(target), std::move(options), host);
  boost::asio::post(network.io, [weak = std::weak_ptr(link)] {
    if (const auto self = weak.lock()) self->begin();
  });
  return link;
}

}  // namespace stream::media

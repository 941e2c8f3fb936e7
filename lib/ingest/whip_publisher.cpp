#include "ingest/whip_publisher.h"

#include <utility>

#include "base/units.h"
#include "ingest/whip_server.h"

namespace stream::media {

WhipPublisher::WhipPublisher(WhipServer& server, std::string id, PublishAttempt attempt,
                             PublisherAdmission admission)
    : server_(&server),
      id_(std::move(id)),
      attempt_(std::move(attempt)),
      admission_(std::move(admission)) {}

bool WhipPublisher::open(const webrtc::Local& local, const webrtc::Answer& answer) {
  const auto weak = weak_from_this();
  // What a handler does may end this.
  const auto guarded = [weak](auto function) {
    return [weak, function](auto&&... arguments) {
      if (const auto self = weak.lock(); self && self->server_) function(*self, arguments...);
    };
  };
  RtpMedia::Handlers media;
  media.media = guarded(
      [](WhipPublisher& self, rtmp::Media& one, int64_t dts) { self.media(std::move(one), dts); });
  media.feedback = guarded([](WhipPublisher& self, Bytes rtcp) { self.session_->send_rtcp(rtcp); });
  media.refuse = guarded([](WhipPublisher& self, const std::string& reason) {
    self.end(PublisherEnd::kRefused, reason);
  });
  media.bye = guarded([](WhipPublisher& self) { self.stopped(); });
  media_.emplace(answer.tracks, RtpMedia::Options{}, std::move(media));

  webrtc::SessionHandlers session;
  session.connected = guarded([](WhipPublisher& self) { self.connected(); });
  session.rtp = guarded([](WhipPublisher& self, Bytes packet) {
    if (self.receiver_) self.media_->rtp(packet, monotonic_now());
  });
  session.rtcp = guarded([](WhipPublisher& self, Bytes packet) {
    if (self.receiver_) self.media_->rtcp(packet, monotonic_now());
  });
  session.closed = guarded([](WhipPublisher& self, webrtc::SessionEnd end,
                              const std::string& reason) { self.closed(end, reason); });
  session_ = server_->port_->open(local.ice, answer, std::move(session));
  return session_ != nullptr;
}

// Only now does it take the place of another publisher: an offer alone interrupts nobody.
void WhipPublisher::connected() {
  const auto self = shared_from_this();
  attempt_.connection = weak_from_this();
  attempt_.address = session_->stats().remote;
  last_media_ = monotonic_now();
  receiver_ = server_->hooks_.publish(attempt_, std::move(admission_)).receiver;
  if (!receiver_) end(PublisherEnd::kRefused, "not admitted");
}

void WhipPublisher::media(rtmp::Media media, int64_t dts) {
  if (!receiver_) return;
  if (receiver_->full()) return media_->skip();
  last_media_ = monotonic_now();
  if (const auto refusal = receiver_->media(std::move(media), dts, last_media_))
    end(PublisherEnd::kRefused, *refusal);
}

void WhipPublisher::tick(Nanoseconds now) {
  if (!receiver_ || now < media_->due()) return;
  const auto self = shared_from_this();
  media_->tick(now);
  if (!receiver_) return;
  const Nanoseconds idle = server_->options_.idle;
  if (now - last_media_ > idle)
    return end(PublisherEnd::kIdle, "no media for " + to_text(Duration{idle}));
  receiver_->tick(now);
}

void WhipPublisher::stopped() {
  end(PublisherEnd::kStopped, "the publisher stopped");
}

void WhipPublisher::closed(webrtc::SessionEnd end, const std::string& reason) {
  using webrtc::SessionEnd;
  const auto self = shared_from_this();
  if (!receiver_ && end != SessionEnd::kPort && server_->hooks_.refused)
    server_->hooks_.refused(attempt_.address, reason, "whip.connection");
  finished(end == SessionEnd::kPeer     ? PublisherEnd::kStopped
           : end == SessionEnd::kPort   ? PublisherEnd::kShutdown
           : end == SessionEnd::kFailed ? PublisherEnd::kRefused
                                        : PublisherEnd::kLost,
           reason);
}

void WhipPublisher::end(PublisherEnd end, const std::string& reason) {
  const auto self = shared_from_this();
  if (!server_) return;
  session_->close();
  finished(end, reason);
}

void WhipPublisher::finished(PublisherEnd end, const std::string& reason) {
  WhipServer* server = std::exchange(server_, nullptr);
  if (!server) return;
  const auto receiver = std::exchange(receiver_, nullptr);
  if (receiver) receiver->closed(end, reason);
  server->remove(*this);
}

uint64_t WhipPublisher::received_bytes() const {
  return session_ ? session_->stats().received_bytes : 0;
}

std::optional<LinkStats> WhipPublisher::link() const {
  if (!media_ || !session_) return std::nullopt;
  LinkStats link = media_->link();
  link.undecrypted_packets = session_->stats().forged;
  return link;
}

}  // namespace stream::media

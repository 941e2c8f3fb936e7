// One WHIP session, from the answer on: it becomes a publication when its media can flow, and ends
// with the peer's good-bye, its silence, or at our wish. Kept by the server. One thread.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "ingest/publisher.h"
#include "ingest/rtp_media.h"
#include "webrtc/port.h"

namespace stream::media {

class WhipServer;

class WhipPublisher : public PublisherConnection,
                      public std::enable_shared_from_this<WhipPublisher> {
 public:
  WhipPublisher(WhipServer& server, std::string id, PublishAttempt attempt,
                PublisherAdmission admission);
  // False: there are too many sessions.
  bool open(const webrtc::Local& local, const webrtc::Answer& answer);

  const std::string& id() const noexcept { return id_; }
  const std::string& stream() const noexcept { return attempt_.stream; }
  webrtc::Session& session() noexcept { return *session_; }
  bool publishes() const noexcept { return receiver_ != nullptr; }
  void tick(Nanoseconds now);
  // DELETE.
  void stopped();

  void end(PublisherEnd end, const std::string& reason) override;
  uint64_t received_bytes() const override;
  std::optional<LinkStats> link() const override;

 private:
  void connected();
  void closed(webrtc::SessionEnd end, const std::string& reason);
  void media(rtmp::Media media, int64_t dts);
  void finished(PublisherEnd end, const std::string& reason);

  WhipServer* server_;  // null after the end
  const std::string id_;
  PublishAttempt attempt_;
  PublisherAdmission admission_;
  std::shared_ptr<webrtc::Session> session_;
  std::optional<RtpMedia> media_;
  std::unique_ptr<PublisherReceiver> receiver_;
  Nanoseconds last_media_{0};
};

}  // namespace stream::media

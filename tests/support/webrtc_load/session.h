// One WebRTC peer of the load: a socket of its own, an offer by HTTP, then media one way. Of lib/
// and of what the unit tests use as the other side.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "rtp/packetiser.h"
#include "unit/webrtc/peer.h"

namespace load {

struct Counts {
  uint64_t packets = 0, bytes = 0;  // of media
  uint64_t lost = 0;                // that did not come, or came late
  uint64_t refused = 0;             // by the system: no room in its buffers
  uint64_t heard = 0;               // RTCP
};

class Session {
 public:
  // Of a line of `line` bit/s, 0: as wide as may be; what is beyond that is reported as lost.
  // Throws std::runtime_error with what the server said.
  Session(const std::string& url, bool publishes, uint64_t line);
  ~Session();
  Session(const Session&) = delete;

  int fd() const { return fd_; }
  bool is_connected() const { return peer_->srtp != nullptr; }
  void check() { peer_->check(); }  // for as long as it lasts, each few seconds
  // A published unit; `video`, else sound.
  void send(bool video, const std::vector<stream::rtp::Payload>& payloads, uint32_t timestamp);
  // What has come. Each packet is counted, each `opened`th decrypted.
  void receive(bool open);
  void report();  // as a player does, each second
  Counts counts;

 private:
  struct Source {
    uint32_t ssrc = 0;
    uint16_t next = 0;
    bool begun = false;
    uint32_t since_report = 0;  // packets
    double missed = 0;          // of all, by the width of the line
  };
  std::string offer(bool publishes) const;
  void take_answer(const std::string& sdp);
  void put_head(std::vector<uint8_t>& packet, bool video, bool marker, uint32_t timestamp);
  void count(stream::Bytes packet);

  int fd_ = -1;
  std::unique_ptr<stream::webrtc::Peer> peer_;
  Source video_, audio_;
  const uint64_t line_;
  uint64_t bytes_since_report_ = 0;
  uint16_t transport_ = 0;  // transport-wide sequence numbers
};

}  // namespace load

// What RtpMedia knows of a track and of its layers. Internal to it.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "ingest/rtp_media.h"
#include "rtp/receiver.h"

namespace stream::media {

struct RtpMedia::Layer {
  std::string rid;
  std::optional<uint32_t> ssrc;
  std::optional<rtp::Receiver> receiver;
  rtp::ReceiverStats before;  // of receivers that it had
  size_t line = 0;            // in the sync
  Buffer extradata;
  uint64_t counted = 0;  // bytes of the receiver at the last report
  double bps = 0;
  std::optional<int64_t> shown;                // time of the last unit that was handed on
  std::optional<Nanoseconds> made;             // its last unit
  Nanoseconds asked = std::chrono::hours(-1);  // for a key frame
  bool gone = false;                           // said good-bye

  // A layer that made nothing for a second does not run.
  bool runs(Nanoseconds now) const {
    return !gone && made && now - *made < std::chrono::seconds(1);
  }
};

struct RtpMedia::Track {
  webrtc::Track agreed;
  std::string_view codec;
  bool picture = false;
  std::vector<Layer> layers;  // as they were agreed
  size_t on_air = 0;
  std::optional<size_t> next;  // that is to be on air
  Buffer extradata;            // that was handed on
  std::optional<int64_t> last;
  std::optional<Nanoseconds> key;  // when the last one came
  int backwards = 0;
  bool hole = false, skips = false;
  uint8_t fir = 0;
};

}  // namespace stream::media

// One access unit of one track. Copies share the bytes. What is rare (a new session, a
// discontinuity, new codec configuration) hangs on a shared mark, so that the common packet stays
// small.
#pragma once
#include <memory>
#include <string>

#include "base/buffer.h"
#include "base/time.h"

namespace stream::av {

struct Mark {
  std::string session;         // the publisher's sitting, when a new one begins here
  bool discontinuity = false;  // times go on, the content does not
  Buffer extradata;            // new codec configuration, in force from this packet
};

struct Packet {
  Buffer data;
  int track = 0;             // index into Tracks
  int64_t pts = 0, dts = 0;  // in the track's time base
  int64_t duration = 0;      // 0: not known
  bool key = false;          // decodable without what came before (audio: always)
  std::shared_ptr<const Mark> mark;
};

}  // namespace stream::av

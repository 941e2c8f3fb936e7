// A source on the other side of an SRT connection that we ask for: it listens, or as rendezvous
// calls us as well, and sends MPEG-TS.
#pragma once
#include <cstdint>
#include <string>

#include "av/connect_guard.h"
#include "ingest/source.h"
#include "srt/engine.h"

namespace stream::media {

struct SrtCall {
  std::string shown;  // for messages; holds no secret
  std::string host;
  uint16_t port = 0;
  srt::Settings settings;
  Nanoseconds silence{0};  // nothing for so long: it has broken off
  av::MayConnect may_connect;
};

// Opening throws Error "srt.connect": kNetwork when trying again may help, kRefused for a wrong
// passphrase or key.
OpenSource srt_source(SrtCall call);

}  // namespace stream::media

// What the threads of a ladder hand to each other.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "av/frame.h"
#include "av/packet.h"
#include "av/track.h"
#include "base/time.h"
#include "hls/playlist.h"

namespace stream::media {

// Ticks of all times between the parts of a ladder. Exact for the usual frame rates and for
// milliseconds.
inline constexpr Rational kLadderBase{1, 90000};
inline constexpr int64_t kLadderSecond = 90000;
// Pictures by which encoders of ours reorder at most.
inline constexpr int kReorder = 2;

// A stretch without a break: one set of init segments, one clock. Segment `n` of the epoch is media
// sequence number `base_sequence + n` in every rendition.
struct Epoch {
  int number = 0;
  int64_t origin = 0;    // where segment 0 begins
  hls::WallTime anchor;  // the wall clock at `origin`
  uint64_t base_sequence = 1;
  bool discontinuity = false;
};
using EpochPtr = std::shared_ptr<const Epoch>;

// Fields of an event, as stream-events(7) lists them; monostate is null.
using EventValue = std::variant<std::monostate, std::string, int64_t, double, bool>;
using EventFields = std::vector<std::pair<std::string, EventValue>>;
using EventSink = std::function<void(const std::string& event, EventFields fields)>;

}  // namespace stream::media

// What is wrong with an input, measured: key-frame interval, reordered pictures, bit and frame
// rate, distance of sound and picture, gaps, drift of its clock; and, from samples that somebody
// else decodes, silence and black or frozen pictures. Each check has its value, its limit and the
// knob to turn. Pure: no clock, no log. One thread.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "av/packet.h"
#include "av/track.h"
#include "base/fifo.h"

namespace stream::media {

struct CheckInfo {
  std::string_view name, unit;
  double limit;           // the value may not be beyond it
  std::string_view knob;  // what its user can turn, and how
};
// In the order of Checks::Kind.
std::span<const CheckInfo> check_list();

class Checks {
 public:
  enum Kind {
    kKeyframes,
    kReordered,
    kBitRate,
    kFrameRate,
    kOffset,
    kGap,
    kDrift,
    kSilent,
    kBlack,
    kFrozen,
    kCount
  };
  struct Result {
    Kind kind{};
    bool known = false, failed = false;
    double value = 0;
  };

  // `live`: it comes as fast as it is shown, so that its clock can be compared with ours.
  Checks(av::Tracks tracks, bool live);

  void packet(const av::Packet& packet, Nanoseconds arrival);
  // A picture that was decoded: mean and spread of its luma (0-255), and its mean difference from
  // the sample before (negative: there is none).
  void picture(Nanoseconds at, double mean, double spread, double difference);
  // Loudness of a stretch of sound: root mean square, full scale is 1.
  void sound(Nanoseconds at, double rms);

  // As of now.
  const std::array<Result, kCount>& results() const noexcept { return results_; }
  Nanoseconds media() const noexcept { return newest_ - first_.value_or(newest_); }

 private:
  struct TrackState {
    std::optional<Nanoseconds> last, first, last_key;
    Nanoseconds usual{0};
    int64_t top_pts = kNoTime;
    int ahead = 0;  // pictures since the newest one shown, in decoding order
  };
  struct Sample {
    Nanoseconds at, arrival;
    size_t bytes;
    bool video;
  };
  void set(Kind kind, double value);
  void intervals(TrackState& state, const av::Packet& packet, Nanoseconds at, bool video);
  void rates(Nanoseconds at, Nanoseconds arrival);
  void lasts(Kind kind, bool bad, std::optional<Nanoseconds>& since, Nanoseconds at);

  av::Tracks tracks_;
  bool live_;
  std::vector<TrackState> states_;
  std::array<Result, kCount> results_{};
  Fifo<Sample> window_;
  std::optional<Nanoseconds> first_, second_began_;
  Nanoseconds newest_{0};
  std::optional<Nanoseconds> silent_, black_, frozen_;
  std::optional<double> base_delay_;  // arrival minus media at the start
  double least_delay_ = 0;
  std::optional<Nanoseconds> delay_since_;
  int video_ = -1, audio_ = -1;
  double largest_gap_ = 0;
  Nanoseconds gap_at_{0};
};

}  // namespace stream::media

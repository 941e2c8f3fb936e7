// What a ladder will make of a source: the rungs that were asked for, fitted to the picture that is
// there, with a reason for everything that is left out. Pure values and functions: no media is
// touched here.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "av/track.h"
#include "base/time.h"
#include "encode/rung_spec.h"
#include "hls/rendition.h"

namespace stream::media {

struct LadderSpec {
  std::vector<RungSpec> rungs = default_rungs();
  int64_t audio_bit_rate = 128'000;
  Nanoseconds segment = std::chrono::seconds(2);
  Nanoseconds window = std::chrono::seconds(12);  // 0: all (EVENT)
  hls::Format format = hls::Format::kFmp4;
  bool vod = false;  // all of it, and every playlist appears when it is whole
  bool copy_top = false;
  bool low_delay = false;  // as all rungs: then only a source without B-frames is copied
  // The top rung is to be the source's own packets, where that can be.
  bool copies() const;
};

// What a look at the first packets said; needed to copy.
struct SourceFacts {
  Nanoseconds keyframe_distance{0};  // the longest seen; 0: not known
  bool keyframe_missed = false;      // one that was due did not come
  int64_t bit_rate = 0;              // of the picture's packets; 0: not known
  bool closed_groups = true;         // no picture is shown before the keyframe that it follows
  bool reordered = false;            // pictures come in another order than they are shown in
};

struct PlannedRung {
  RungSpec spec;
  int width = 0, height = 0;
  bool copied = false;
  int threads = 1;
};

struct LeftOut {
  std::string name, reason;
};

struct Plan {
  int source_width = 0, source_height = 0;  // as shown: square pixels
  Rational frame_rate;                      // of the rungs; {0, 1}: not known
  std::string source_codec;
  std::vector<PlannedRung> rungs;  // largest first
  std::vector<LeftOut> left_out;
  bool has_video = false, has_audio = false;
  int audio_channels = 2;
  std::string copy_refused;  // why --copy-top can't be done; empty: not asked for, or done
  Nanoseconds segment{};     // what a segment is expected to last at most
};

inline constexpr int kMaxFrameRate = 60;

// `video` and `audio` may be null. Throws Error kInputDamaged "input.empty" when both are,
// kUnsupported "encoder.absent".
Plan make_plan(const LadderSpec& spec, const av::Track* video, const av::Track* audio,
               const SourceFacts& facts = {}, int cores = 2);

// For each rung (largest first) where its picture is scaled from: -1 the source, else the number of
// an earlier rung. A cascade costs less and loses nothing visible while each step is at least 5/4.
std::vector<int> cascade(Size source, const std::vector<Size>& rungs);

// The plan for people, in lines.
std::string to_text(const Plan& plan);

}  // namespace stream::media

#include "ladder/plan.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "av/encoder.h"
#include "base/error.h"
#include "base/units.h"
#include "codec/description.h"

namespace stream::media {
namespace {

// A copied rung may be this much above its rate before its viewers are worse off.
constexpr double kCopyRate = 1.5;
// Longer segments than this many times what was asked for are not "honest", they are a nuisance.
constexpr int kCopyLength = 3;

std::string size_text(int width, int height) {
  return std::to_string(width) + "x" + std::to_string(height);
}

std::string seconds_text(Nanoseconds t) {
  return to_text(Duration{std::chrono::duration_cast<std::chrono::milliseconds>(t)});
}

// Why the source can't stand for `top` as it is; empty when it can.
std::string copy_obstacle(const LadderSpec& spec, const av::Track& video, const SourceFacts& facts,
                          const Plan& plan) {
  const PlannedRung& top = plan.rungs.front();
  const auto description = codec::describe(video.codec, video.extradata);
  if (video.codec != "h264" && !(video.codec == "hevc" && spec.format == hls::Format::kFmp4))
    return "its codec is " + video.codec + ", players need h264";
  if (!description) return "its codec configuration is missing or broken";
  if (description->bit_depth > 8) return "it has more than 8 bits per sample";
  if (description->interlaced) return "it is interlaced";
  if (plan.source_width != video.width || plan.source_height != video.height)
    return "its pixels are not square";
  if (top.width != plan.source_width || top.height != plan.source_height)
    return "its picture of " + size_text(plan.source_width, plan.source_height) +
           " is larger than the top rung's " + size_text(top.width, top.height);
  if (video.frame_rate.known() && video.frame_rate.value() > kMaxFrameRate + 0.5)
    return "it has more than 60 pictures per second";
  if (!facts.closed_groups) return "its groups of pictures are open";
  if (spec.low_delay && facts.reordered) return "it has B-frames, which --low-delay is without";
  if (facts.keyframe_distance.count() == 0) return "it showed no second keyframe";
  if (facts.keyframe_missed) return "its keyframes don't come any more as they did";
  if (facts.keyframe_distance > kCopyLength * spec.segment)
    return "its keyframes are " + seconds_text(facts.keyframe_distance) + " apart, segments of " +
           seconds_text(spec.segment) + " can't be cut";
  const int64_t rate = facts.bit_rate ? facts.bit_rate : video.bit_rate;
  if (!top.spec.source &&
      static_cast<double>(rate) > kCopyRate * static_cast<double>(top.spec.bit_rate))
    return "its " + to_text(BitRate{rate / 1000 * 1000}) +
           "bit/s are more than 1.5 times the rung's " + to_text(BitRate{top.spec.bit_rate});
  return "";
}

// The rate that a picture deserves where `of` deserves its own.
int64_t rate_for(Size size, Size of, int64_t rate) {
  const double share =
      static_cast<double>(size.width) * size.height / (static_cast<double>(of.width) * of.height);
  return std::max<int64_t>(64'000, std::llround(static_cast<double>(rate) * std::pow(share, 0.75)));
}

// The rung "source" becomes one of the source's own size, in case that it has to be encoded.
RungSpec of_source(RungSpec rung, Size source) {
  const RungSpec top = default_rungs().front();
  rung.box_width = std::max(source.width, source.height);
  rung.box_height = std::min(source.width, source.height);
  if (rung.bit_rate == 0)
    rung.bit_rate = rate_for(source, {top.box_width, top.box_height}, top.bit_rate);
  return rung;
}

void share_cores(Plan& plan, int cores) {
  double total = 0;
  for (const PlannedRung& r : plan.rungs)
    if (!r.copied) total += static_cast<double>(r.width) * r.height;
  for (PlannedRung& r : plan.rungs)
    r.threads = std::clamp(
        static_cast<int>(std::ceil(cores * (static_cast<double>(r.width) * r.height) / total)), 1,
        16);
}

}  // namespace

bool LadderSpec::copies() const {
  return copy_top ||
         std::any_of(rungs.begin(), rungs.end(), [](const RungSpec& r) { return r.source; });
}

std::vector<int> cascade(Size source, const std::vector<Size>& rungs) {
  constexpr double kStep = 1.25;
  std::vector<int> from;
  for (size_t i = 0; i < rungs.size(); i++) {
    int parent = -1;
    for (size_t j = 0; j < i; j++) {
      const bool same = rungs[j] == rungs[i];
      const bool larger =
          rungs[j].width >= kStep * rungs[i].width && rungs[j].height >= kStep * rungs[i].height;
      if (same || larger) parent = static_cast<int>(j);
    }
    if (rungs[i] == source) parent = -1;
    from.push_back(parent);
  }
  return from;
}

Plan make_plan(const LadderSpec& spec, const av::Track* video, const av::Track* audio,
               const SourceFacts& facts, int cores) {
  if (!video && !audio)
    throw Error(Exit::kInputDamaged, "input.empty", "the input has neither picture nor sound");
  Plan plan;
  plan.has_video = video != nullptr;
  plan.has_audio = audio != nullptr;
  plan.segment = spec.segment;
  if (audio) plan.audio_channels = audio->channels == 1 ? 1 : 2;
  if (!video) return plan;
  const Size source = square_size(video->width, video->height, video->sample_aspect);
  plan.source_width = source.width;
  plan.source_height = source.height;
  plan.source_codec = video->codec;
  plan.frame_rate = video->frame_rate;
  while (plan.frame_rate.value() > kMaxFrameRate + 0.5) plan.frame_rate.den *= 2;
  for (const RungSpec& rung : spec.rungs) {
    const auto size = fit(rung, source.width, source.height);
    if (!size) {
      plan.left_out.push_back(
          {rung.name, "larger than the source's " + size_text(source.width, source.height)});
      continue;
    }
    plan.rungs.push_back(
        {rung.source ? of_source(rung, source) : rung, size->width, size->height, false, 1});
  }
  if (plan.rungs.empty() && !spec.rungs.empty()) {
    // Everything is too large: one rung of the source's own size, at the rate its pixels deserve.
    RungSpec rung = *std::min_element(
        spec.rungs.begin(), spec.rungs.end(),
        [](const RungSpec& a, const RungSpec& b) { return a.box_height < b.box_height; });
    rung.bit_rate = rate_for(source, {rung.box_width, rung.box_height}, rung.bit_rate);
    rung.name = std::to_string(std::min(source.width, source.height)) + "p";
    plan.rungs.push_back({rung, source.width, source.height, false, 1});
  }
  std::stable_sort(plan.rungs.begin(), plan.rungs.end(),
                   [](const PlannedRung& a, const PlannedRung& b) {
                     if (a.spec.source != b.spec.source) return a.spec.source;
                     return a.width * a.height > b.width * b.height;
                   });
  if (spec.copies()) {
    plan.copy_refused = copy_obstacle(spec, *video, facts, plan);
    plan.rungs.front().copied = plan.copy_refused.empty();
    if (plan.rungs.front().copied) plan.segment = std::max(spec.segment, facts.keyframe_distance);
  }
  share_cores(plan, cores);
  return plan;
}

std::string to_text(const Plan& plan) {
  std::string text;
  char line[256];
  const auto add = [&](const char* format, auto... args) {
    std::snprintf(line, sizeof line, format, args...);
    text += line;
  };
  if (plan.has_video)
    add("source %s %dx%d %s%s\n", plan.source_codec.c_str(), plan.source_width, plan.source_height,
        plan.frame_rate.known() ? "" : "frame rate not known",
        plan.frame_rate.known()
            ? (std::to_string(plan.frame_rate.value()).substr(0, 6) + " pictures/s").c_str()
            : "");
  for (const PlannedRung& r : plan.rungs)
    add("rung %-6s %dx%d %s %s\n", r.spec.name.c_str(), r.width, r.height,
        r.copied ? "source" : to_text(BitRate{r.spec.bit_rate}).c_str(),
        r.copied ? "copied" : r.spec.encoder.c_str());
  for (const LeftOut& l : plan.left_out) add("left out %s: %s\n", l.name.c_str(), l.reason.c_str());
  if (!plan.copy_refused.empty())
    add("not copied: %s; the top rung is encoded\n", plan.copy_refused.c_str());
  if (plan.has_audio)
    text += "sound AAC, encoded anew once for all rungs, so that gaps are filled\n";
  else
    text += "no sound in the source\n";
  add("segments of at most %s\n", seconds_text(plan.segment).c_str());
  return text;
}

}  // namespace stream::media

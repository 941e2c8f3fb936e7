#include "forward/profile.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace stream::media {
namespace {

constexpr int64_t kMega = 1'000'000;
// clang-format off
constexpr std::array kProfiles = {
    // name, server, most bit/s of pictures and of all, lines, pictures/s, keyframes (s): least, most,
    // codecs of pictures and sound, takes Enhanced RTMP unasked, needs sound, encoded as
    ForwardProfile{"custom", "", 0, 0, 0, 0, 0, 0, "", "", false, false, "1080p@4500k"},
    ForwardProfile{"youtube", "rtmps://a.rtmps.youtube.com:443/live2", 51 * kMega, 0, 2160, 60, 0, 4,
                   "h264 hevc av1", "aac mp3", true, true, "1080p@6000k"},
    ForwardProfile{"twitch", "rtmp://live.twitch.tv/app", 6 * kMega, 0, 1080, 60, 0, 4,
                   "h264", "aac", false, false, "1080p@4500k,preset=veryfast"},
    ForwardProfile{"facebook", "rtmps://rtmp-api.facebook.com:443/rtmp", 9 * kMega, 0, 1080, 60, 0, 4,
                   "h264", "aac", false, true, "720p@4000k"},
    ForwardProfile{"cloudflare", "rtmps://live.cloudflare.com:443/live", 0, 14 * kMega, 0, 0, 2, 10,
                   "h264", "aac", false, false, "1080p@4500k,preset=medium"},
    ForwardProfile{"kick", "", 8 * kMega, 0, 1080, 60, 0, 4,
                   "h264", "aac", false, true, "1080p@6000k"},
};
// clang-format on
// Measuring is not exact, and encoders overshoot for moments.
constexpr double kTolerance = 1.15;

std::string kilobits(int64_t bps) {
  return std::to_string((bps + 500) / 1000) + "k";
}

std::string seconds(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", value);
  return text;
}

struct Check {
  const ForwardProfile& profile;
  std::vector<ForwardFinding> findings;

  void add(bool refuse, bool mended, std::string reason, std::string remedy) {
    findings.push_back({refuse, mended, std::move(reason), std::move(remedy)});
  }
  std::string platform() const { return std::string(profile.name); }

  void video(const av::Track& track) {
    if (!lists_codec(profile.video_codecs, track.codec))
      add(true, true, platform() + " does not take " + track.codec + " pictures",
          "send H.264, or encode=auto");
    const int lines = std::min(track.width, track.height);
    if (profile.max_height > 0 && lines > profile.max_height)
      add(true, true,
          platform() + " takes at most " + std::to_string(profile.max_height) + " lines, not " +
              std::to_string(lines),
          "encode=auto, or video=" + std::to_string(profile.max_height) + "p@RATE");
    const double rate = track.frame_rate.known() ? track.frame_rate.value() : 0;
    if (profile.max_frame_rate > 0 && rate > profile.max_frame_rate * 1.02)
      add(true, true,
          platform() + " takes at most " + std::to_string(profile.max_frame_rate) +
              " pictures per second, not " + std::to_string(std::lround(rate)),
          "lower the encoder's frame rate, or encode=auto");
  }
  void audio(const av::Track& track) {
    if (!lists_codec(profile.audio_codecs, track.codec))
      add(true, false, platform() + " does not take " + track.codec + " sound",
          "send AAC, or leave encode=never out");
  }
  void rates(const ForwardMeasure& m) {
    const auto above = [](int64_t value, int64_t bound) {
      return bound > 0 && static_cast<double>(value) > static_cast<double>(bound) * kTolerance;
    };
    if (above(m.video_bps, profile.max_video_bps))
      add(false, true,
          platform() + " takes at most " + kilobits(profile.max_video_bps) +
              "bit/s of pictures, not " + kilobits(m.video_bps),
          "lower the encoder's bit rate, or encode=auto");
    if (above(m.total_bps, profile.max_total_bps))
      add(false, true,
          platform() + " takes at most " + kilobits(profile.max_total_bps) + "bit/s, not " +
              kilobits(m.total_bps),
          "lower the encoder's bit rate, or encode=auto");
    const bool far = profile.max_keyframe_s > 0 && m.keyframe_s > profile.max_keyframe_s + 0.2;
    const bool close = m.keyframe_s > 0 && m.keyframe_s < profile.min_keyframe_s - 0.2;
    if (far || close)
      add(false, true,
          platform() + " wants keyframes " + (far ? "at most " : "at least ") +
              seconds(far ? profile.max_keyframe_s : profile.min_keyframe_s) + " apart, not " +
              seconds(m.keyframe_s),
          "set the encoder's keyframe interval to 2 s, or encode=auto");
  }
};

}  // namespace

bool lists_codec(std::string_view codecs, std::string_view codec) {
  return codecs.empty() || (" " + std::string(codecs) + " ").find(" " + std::string(codec) + " ") !=
                               std::string::npos;
}

std::span<const ForwardProfile> forward_profiles() {
  return kProfiles;
}

const ForwardProfile* find_forward_profile(std::string_view name) {
  for (const ForwardProfile& profile : kProfiles) {
    if (profile.name == name) return &profile;
  }
  return nullptr;
}

std::vector<ForwardFinding> check_profile(const ForwardProfile& profile, const av::Tracks& tracks,
                                          const ForwardMeasure& measure) {
  Check check{profile, {}};
  const auto first = [&tracks](av::MediaType type) {
    return std::find_if(tracks.begin(), tracks.end(),
                        [type](const av::Track& track) { return track.type == type; });
  };
  const auto video = first(av::MediaType::kVideo), audio = first(av::MediaType::kAudio);
  if (video != tracks.end()) check.video(*video);
  if (audio != tracks.end()) check.audio(*audio);
  if (audio == tracks.end() && profile.needs_audio)
    check.add(false, false, check.platform() + " wants sound, and the input has none",
              "add a silent sound track");
  check.rates(measure);
  return check.findings;
}

}  // namespace stream::media

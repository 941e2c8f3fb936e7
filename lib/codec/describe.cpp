#include "codec/audio.h"
#include "codec/av1.h"
#include "codec/avc.h"
#include "codec/hevc.h"

namespace stream::codec {

namespace {

Description named(std::string_view codec, std::string_view rfc6381, int frame_samples) {
  Description d;
  d.codec = codec;
  d.rfc6381 = rfc6381;
  d.frame_samples = frame_samples;
  return d;
}

}  // namespace

std::optional<Description> describe(std::string_view codec, Bytes extradata) {
  if (codec == "h264") return describe_avc(extradata);
  if (codec == "hevc") return describe_hevc(extradata);
  if (codec == "av1") return describe_av1(extradata);
  if (codec == "vp9") return describe_vp9(extradata);
  if (codec == "aac") return describe_aac(extradata);
  if (codec == "opus") return describe_opus(extradata);
  if (codec == "flac") return describe_flac(extradata);
  if (codec == "ac3") return named(codec, "ac-3", 1536);
  if (codec == "eac3") return named(codec, "ec-3", 1536);
  if (codec == "mp3") return named(codec, "mp4a.40.34", 0);
  return std::nullopt;
}

std::optional<Description> describe_frame(std::string_view codec, Bytes frame) {
  if (codec == "ac3") return describe_ac3_frame(frame);
  if (codec == "eac3") return describe_eac3_frame(frame);
  if (codec == "mp3") return describe_mp3_frame(frame);
  if (codec == "vp9") return describe_vp9_frame(frame);
  if (codec == "av1") return frame.empty() ? std::nullopt : describe_av1(frame);
  return std::nullopt;
}

}  // namespace stream::codec

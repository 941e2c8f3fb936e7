#include "webrtc/codec_choice.h"

#include <algorithm>

#include "base/text.h"
#include "webrtc/sdp_text.h"

namespace stream::webrtc {
namespace {

// Constrained baseline is what every encoder of a browser does best.
int rank_of_profile(std::string_view level_id) {
  static constexpr std::string_view kOrder[] = {"64", "4d", "4200", "42e0"};
  for (int i = 3; i >= 0; --i)
    if (equal_without_case(level_id.substr(0, kOrder[i].size()), kOrder[i])) return i + 1;
  return 0;
}

// Negative: cannot be taken.
int rank(const Codec& codec, std::string_view name, std::string_view profile, bool sends) {
  if (name == "h264") {
    const bool mode_1 = codec.parameter("packetization-mode").value_or("0") == "1";
    const std::string level_id = codec.parameter("profile-level-id").value_or("42e01f");
    if (level_id.size() != 6 || (sends && !mode_1)) return -1;
    int result = (mode_1 ? 100 : 0) + rank_of_profile(level_id);
    if (sends && profile.size() == 6 &&
        equal_without_case(level_id.substr(0, 2), profile.substr(0, 2)))
      result += 50;
    return result;
  }
  // The profile with 8 bits and 4:2:0.
  const char* plain = name == "hevc" ? "1" : "0";
  const char* key = name == "av1" ? "profile" : "profile-id";
  return codec.parameter(key).value_or(plain) == plain ? 1 : 0;
}

}  // namespace

const Codec* choose_codec(const Media& media, const std::vector<std::string>& names,
                          std::string_view profile) {
  for (const auto& name : names) {
    const Codec* best = nullptr;
    int best_rank = -1;
    for (const auto& codec : media.codecs) {
      if (ffmpeg_name(codec) != name) continue;
      const int its_rank = rank(codec, name, profile, !profile.empty());
      if (its_rank > best_rank) {
        best = &codec;
        best_rank = its_rank;
      }
    }
    if (best != nullptr) return best;
  }
  return nullptr;
}

std::optional<uint8_t> rtx_of(const Media& media, const Codec& codec) {
  const std::string wanted = std::to_string(codec.payload_type);
  for (const auto& other : media.codecs)
    if (equal_without_case(other.name, "rtx") && other.parameter("apt").value_or("") == wanted)
      return other.payload_type;
  return std::nullopt;
}

std::optional<uint8_t> red_of(const Media& media, const Codec& codec) {
  const std::string one = std::to_string(codec.payload_type);
  for (const auto& other : media.codecs)
    if (equal_without_case(other.name, "red") && other.clock_rate == codec.clock_rate &&
        other.channels == codec.channels && other.parameters == one + "/" + one)
      return other.payload_type;
  return std::nullopt;
}

std::string names_of(const Media& media) {
  // What only helps others, and says nothing of what can be played.
  static constexpr std::string_view kHelpers[] = {"rtx", "red",        "ulpfec",
                                                  "CN",  "flexfec-03", "telephone-event"};
  const auto helps = [](const std::string& name) {
    return std::any_of(std::begin(kHelpers), std::end(kHelpers),
                       [&](auto helper) { return equal_without_case(name, helper); });
  };
  std::vector<std::string> names;
  for (const auto& codec : media.codecs)
    if (!helps(codec.name) && names.size() < 12 &&
        std::find(names.begin(), names.end(), codec.name) == names.end())
      names.push_back(codec.name);
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + escaped(name, 32);
  return text.empty() ? "nothing that has a name" : text;
}

}  // namespace stream::webrtc

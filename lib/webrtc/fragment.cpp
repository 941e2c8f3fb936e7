#include "webrtc/fragment.h"

#include <algorithm>

#include "webrtc/sdp_text.h"

namespace stream::webrtc {

// One transport carries all (BUNDLE), so the sections are not told apart.
Outcome<Fragment> parse_fragment(std::string_view text) {
  using Result = Outcome<Fragment>;
  if (text.size() > kMaxFragment) return Result::failed("the fragment is larger than 16 KiB");
  Fragment result;
  bool in_section = false, any = false;
  while (!text.empty()) {
    std::string_view line = take_line(text);
    if (line.size() < 2) continue;
    if (line[1] != '=') return Result::failed("a line of the fragment is damaged");
    if (line[0] == 'm' && !in_section) {
      in_section = true;
      auto rest = line.substr(2);
      if (const auto kind = take_word(rest); is_token(kind)) result.kind = kind;
    }
    if (line[0] != 'a') continue;
    line.remove_prefix(2);
    const size_t colon = line.find(':');
    const auto name = line.substr(0, colon);
    const auto value = colon == std::string_view::npos ? "" : line.substr(colon + 1);
    any = true;
    if (name == "ice-ufrag" && result.ice.ufrag.empty()) {
      result.ice.ufrag = value.substr(0, 257);
    } else if (name == "ice-pwd" && result.ice.password.empty()) {
      result.ice.password = value.substr(0, 257);
    } else if (name == "mid" && is_token(value, 32) && result.mid == "0") {
      result.mid = value;
    } else if (name == "candidate" && !value.empty()) {
      const auto candidate = parse_candidate(value);
      if (!candidate) return Result::failed("an a=candidate line of the fragment is damaged");
      if (result.candidates.size() < 64) result.candidates.push_back(*candidate);
    } else if (name == "end-of-candidates") {
      result.end_of_candidates = true;
    } else if (name == "ice-lite") {
      result.ice_lite = true;
    }
  }
  if (!any) return Result::failed("the fragment has no attribute");
  const bool has_ice = !result.ice.ufrag.empty() || !result.ice.password.empty();
  if (has_ice && !are_valid(result.ice))
    return Result::failed("a=ice-ufrag and a=ice-pwd of the fragment are not valid");
  return {std::move(result), {}};
}

std::string write_fragment(const Fragment& fragment) {
  std::string out;
  const auto line = [&](const std::string& text) { out += text + "\r\n"; };
  if (fragment.ice_lite) line("a=ice-lite");
  line("a=ice-options:trickle ice2");
  line("a=group:BUNDLE " + fragment.mid);
  line("m=" + fragment.kind + " 9 UDP/TLS/RTP/SAVPF 0");
  line("a=mid:" + fragment.mid);
  if (!fragment.ice.ufrag.empty()) {
    line("a=ice-ufrag:" + fragment.ice.ufrag);
    line("a=ice-pwd:" + fragment.ice.password);
  }
  for (const auto& candidate : fragment.candidates) line("a=candidate:" + to_text(candidate));
  if (fragment.end_of_candidates) line("a=end-of-candidates");
  return out;
}

}  // namespace stream::webrtc

#include "encode/rung_spec.h"

#include <algorithm>
#include <cmath>

#include "av/encoder.h"
#include "base/error.h"
#include "base/text.h"
#include "base/units.h"

namespace stream::media {
namespace {

struct Default {
  const char* name;
  int width, height;
  int64_t bit_rate;
};
constexpr Default kDefaults[] = {{"1080p", 1920, 1080, 5'000'000},
                                 {"720p", 1280, 720, 2'800'000},
                                 {"480p", 854, 480, 1'400'000},
                                 {"360p", 640, 360, 800'000}};
// A picture this little smaller than the box is taken as it is (1918x1078).
constexpr double kNearly = 1.02;

int even(double x) {
  return std::max(2, 2 * static_cast<int>(std::lround(x / 2)));
}

[[noreturn]] void refuse(std::string_view text, const std::string& reason) {
  throw Error(Exit::kUsage, "rung.invalid", "invalid rung '" + std::string(text) + "': " + reason,
              "write it like 720p@2800k or 1280x720@2800k,preset=veryfast");
}

void parse_size(std::string_view text, std::string_view whole, RungSpec& rung) {
  if (text.find('x') != std::string_view::npos) {
    const FrameSize size = parse_frame_size(text);
    rung.box_width = std::max(size.width, size.height);
    rung.box_height = std::min(size.width, size.height);
  } else {
    if (text.size() < 4 || text.size() > 5 || text.back() != 'p') refuse(whole, "no size");
    int height = 0;
    for (const char c : text.substr(0, text.size() - 1)) {
      if (c < '0' || c > '9') refuse(whole, "no size");
      height = height * 10 + (c - '0');
    }
    if (height < 100 || height > 8640 || height % 2)
      refuse(whole, "its height must be even, from 100 to 8640");
    rung.box_height = height;
    rung.box_width = even(height * 16 / 9.0);
  }
  rung.name = std::to_string(rung.box_height) + "p";
}

void parse_setting(std::string_view text, std::string_view whole, RungSpec& rung) {
  const size_t at = text.find('=');
  const std::string key(text.substr(0, at));
  const std::string value(at == std::string_view::npos ? "" : text.substr(at + 1));
  if (value.empty()) refuse(whole, "'" + key + "' has no value");
  if (key == "preset")
    rung.preset = value;
  else if (key == "encoder")
    rung.encoder = value;
  else if (key == "tune")
    rung.tune = value;
  else if (key == "profile")
    rung.profile = value;
  else if (key == "name")
    rung.name = value;
  else
    refuse(whole, "'" + key + "' is not known; there are preset, encoder, tune, profile and name");
  if (key == "name" && !is_rung_name(value))
    refuse(whole, "a name has letters, digits, - and _ only, 63 at most");
}

}  // namespace

RungSpec parse_rung(std::string_view text) {
  RungSpec rung;
  std::vector<std::string_view> parts;
  for (std::string_view rest = text;;) {
    const size_t comma = rest.find(',');
    parts.push_back(rest.substr(0, comma));
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  const size_t at = parts[0].find('@');
  rung.source = parts[0].substr(0, at) == "source";
  if (rung.source)
    rung.name = "source";
  else
    parse_size(parts[0].substr(0, at), text, rung);
  if (at != std::string_view::npos) {
    rung.bit_rate = parse_bit_rate(parts[0].substr(at + 1)).bps;
    if (rung.bit_rate < 10'000 || rung.bit_rate > 400'000'000)
      refuse(text, "its bit rate must be from 10k to 400M");
  } else if (!rung.source) {
    for (const Default& d : kDefaults)
      if (rung.name == d.name) rung.bit_rate = d.bit_rate;
    if (!rung.bit_rate) refuse(text, "no bit rate");
  }
  for (size_t i = 1; i < parts.size(); i++) parse_setting(parts[i], text, rung);
  if (av::codec_of_encoder(rung.encoder).empty())
    throw Error(
        Exit::kUsage, "rung.invalid",
        "invalid rung '" + std::string(text) + "': no encoder is named '" + rung.encoder + "'",
        "encoders: libx264, libx265, libsvtav1, h264_nvenc, h264_vaapi");
  return rung;
}

std::string to_text(const RungSpec& rung) {
  std::string text = rung.name;
  if (rung.bit_rate > 0) text += "@" + to_text(BitRate{rung.bit_rate});
  if (!rung.preset.empty()) text += ",preset=" + rung.preset;
  if (rung.encoder != "libx264") text += ",encoder=" + rung.encoder;
  if (!rung.tune.empty()) text += ",tune=" + rung.tune;
  if (!rung.profile.empty()) text += ",profile=" + rung.profile;
  return text;
}

std::vector<RungSpec> default_rungs() {
  std::vector<RungSpec> rungs;
  for (const Default& d : kDefaults) {
    RungSpec rung;
    rung.name = d.name;
    rung.box_width = d.width;
    rung.box_height = d.height;
    rung.bit_rate = d.bit_rate;
    rungs.push_back(rung);
  }
  return rungs;
}

Size square_size(int width, int height, Rational aspect) {
  const double sar = aspect.known() ? aspect.value() : 1;
  // The longer way round: nothing is thrown away.
  if (sar >= 1) return {even(width * sar), even(height)};
  return {even(width), even(height / sar)};
}

namespace {
double box_scale(const RungSpec& rung, int width, int height) {
  const int box_width = width >= height ? rung.box_width : rung.box_height;
  const int box_height = width >= height ? rung.box_height : rung.box_width;
  return std::min(static_cast<double>(box_width) / width, static_cast<double>(box_height) / height);
}
}  // namespace

std::optional<Size> fit(const RungSpec& rung, int width, int height) {
  if (rung.source) return Size{even(width), even(height)};
  const double scale = box_scale(rung, width, height);
  if (scale > kNearly) return std::nullopt;
  if (scale >= 1) return Size{even(width), even(height)};
  return Size{even(width * scale), even(height * scale)};
}

Size fit_or_source(const RungSpec& rung, int width, int height) {
  return fit(rung, width, height).value_or(Size{even(width), even(height)});
}

}  // namespace stream::media

#include "streams/estimate.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "base/units.h"

namespace stream::streams {
namespace {

// Measured on two cores of a virtual Intel Xeon, Debian 12, release build, 1080p30 at 6 Mbit/s.
constexpr std::string_view kBench = "tests/bench/plan.sh";
constexpr std::array kFigures = {
    Figure{"decode", "cores per Mpixel/s", kBench, 0.004},
    Figure{"encode veryfast", "cores per Mpixel/s", kBench, 0.0145},
    Figure{"ingest", "cores per Mbit/s", kBench, 0.001},
    Figure{"record", "cores per Mbit/s", kBench, 0.0009},
    Figure{"simulcast", "cores per Mbit/s sent", "tests/bench/simulcast.sh", 0.00014},
    Figure{"archive", "cores per Mbit/s sent", "tests/bench/archive.sh", 0.00034},
    Figure{"test pattern", "cores per Mpixel/s", kBench, 0.007},
};

// Relative to veryfast; libx264's presets on the bench's source; slower ones
// were not measured and are taken for 5.
double preset_factor(const std::string& preset) {
  static constexpr std::pair<std::string_view, double> kFactors[] = {
      {"ultrafast", 0.42}, {"superfast", 0.7}, {"veryfast", 1},
      {"faster", 2.1},     {"fast", 2.6},      {"medium", 3.1},
  };
  for (const auto& [name, factor] : kFactors)
    if (preset == name) return factor;
  return preset.starts_with("slow") || preset == "placebo" ? 5 : 1;
}

double figure(std::string_view name) {
  for (const Figure& f : kFigures)
    if (f.name == name) return f.value;
  return 0;
}

struct Picture {
  int width = 1920, height = 1080;
  double rate = 30;
  double mpixels() const { return width * height * rate / 1e6; }
};

struct Rung {
  Picture picture;
  double bps = 0;
  std::string preset;
};

Rung parse_rung(const std::string& text, const Picture& source, const std::string& preset) {
  Rung rung{source, 0, preset};
  const std::string head = text.substr(0, text.find(','));
  const size_t at = head.find('@');
  const std::string box = head.substr(0, at);
  if (box.back() == 'p') {
    rung.picture.height = std::stoi(box);
    rung.picture.width = rung.picture.height * 16 / 9;
  } else {
    const FrameSize size = parse_frame_size(box);
    rung.picture.width = size.width, rung.picture.height = size.height;
  }
  rung.picture.rate = std::min(60.0, source.rate);
  // Without a rate: that of the default ladder, about 0.08 bit per pixel at 30 frames a second.
  rung.bps = at == head.npos ? rung.picture.width * rung.picture.height * 2.5
                             : static_cast<double>(parse_bit_rate(head.substr(at + 1)).bps);
  if (const size_t p = text.find("preset="); p != text.npos)
    rung.preset = text.substr(p + 7, text.find(',', p) - p - 7);
  return rung;
}

std::vector<Rung> rungs_of(const Part& ladder, const Picture& source) {
  const std::string preset = ladder.value("preset").empty() ? "veryfast" : ladder.value("preset");
  std::vector<std::string> texts{"1080p@5000k", "720p@2800k", "480p@1400k", "360p@800k"};
  if (const Setting* given = ladder.find("rungs")) texts = given->values;
  std::vector<Rung> rungs;
  for (const std::string& text : texts) {
    Rung rung = parse_rung(text, source, preset);
    if (rung.picture.height <= source.height * 1.02) rungs.push_back(std::move(rung));
  }
  return rungs;
}

Need ladder_need(const Part& ladder, const Picture& source) {
  Need need{"ladder", figure("decode") * source.mpixels(), 0, 0};
  double bps = ladder.find("audio_rate")
                   ? static_cast<double>(parse_bit_rate(ladder.value("audio_rate")).bps)
                   : 128e3;
  bool top = ladder.find("copy_top") != nullptr;
  for (const Rung& rung : rungs_of(ladder, source)) {
    if (!std::exchange(top, false))
      need.cores += figure("encode veryfast") * rung.picture.mpixels() * preset_factor(rung.preset);
    bps += rung.bps;
  }
  // A window is kept, not what an hour brings.
  const std::string dvr = ladder.value("dvr");
  const double kept = dvr == "all" ? 3600 : dvr.empty() ? 0 : parse_duration(dvr).seconds();
  need.disk_bytes = bps / 8 * std::min(3600.0, kept);
  return need;
}

// Destinations with equal settings share one encoding. encode: auto alone is not foreseen.
Need simulcast_need(const File& file, const Picture& source, double input_bps) {
  Need need{"simulcast", 0, 0, 0};
  std::set<std::string> encodings;
  for (const Destination& d : file.destinations) {
    const std::string video = d.option("video");
    if (video.empty() && d.option("encode") != "always") {
      need.up_bps += input_bps;
      continue;
    }
    const std::string way = video.empty() ? "1080p@4500k" : video;
    const Rung rung = parse_rung(way, source, "veryfast");
    need.up_bps += rung.bps;
    if (encodings.empty()) need.cores += figure("decode") * source.mpixels();
    if (encodings.insert(way).second)
      need.cores += figure("encode veryfast") * rung.picture.mpixels() * preset_factor(rung.preset);
  }
  need.cores += figure("simulcast") * need.up_bps / 1e6;
  return need;
}

// Recordings may go later and slower; in the long run it is as much.
Need archive_need(const File& file, const Picture& source, double input_bps) {
  Need need{"archive", 0, 0, 0};
  if (archives_recordings(file)) need.up_bps += input_bps;
  const Part* ladder = archives_live(file) ? file.find("ladder") : nullptr;
  if (ladder)
    for (const Rung& rung : rungs_of(*ladder, source)) need.up_bps += rung.bps;
  need.cores = figure("archive") * need.up_bps / 1e6;
  return need;
}

}  // namespace

std::span<const Figure> figures() {
  return kFigures;
}

Need Estimate::total() const {
  Need sum{"total", 0, 0, 0};
  for (const Need& need : needs) {
    sum.cores += need.cores;
    sum.up_bps += need.up_bps;
    sum.disk_bytes += need.disk_bytes;
  }
  return sum;
}

Estimate estimate(const File& file) {
  const Part& input = *file.find("input");
  const bool pattern = input.find("test_pattern");
  Picture source;
  if (pattern) source = {1280, 720, 30};
  if (input.find("size")) {
    const FrameSize size = parse_frame_size(input.value("size"));
    source.width = size.width, source.height = size.height;
  }
  if (input.find("rate")) source.rate = std::stod(input.value("rate"));
  Estimate e;
  e.input_bps = input.find("bit_rate")
                    ? static_cast<double>(parse_bit_rate(input.value("bit_rate")).bps)
                    : source.mpixels() * 0.1e6;  // 6 Mbit/s for 1080p30
  const double mbps = e.input_bps / 1e6;
  for (const Process& process : processes(file)) {
    Need need{process.tool, 0, 0, 0};
    if (process.tool == "ingest") {
      // All inputs are received, also those that are not on air; a slate is encoded once.
      const Setting* inputs = input.find("inputs");
      const double count = inputs ? static_cast<double>(inputs->values.size()) : 1;
      need.cores = figure("ingest") * mbps * count +
                   (pattern ? figure("test pattern") * source.mpixels() : 0);
    } else if (process.tool == "ladder") {
      need = ladder_need(*file.find("ladder"), source);
    } else if (process.tool == "record") {
      need.cores = figure("record") * mbps;
      need.disk_bytes = e.input_bps / 8 * 3600;
    } else if (process.tool == "simulcast") {
      need = simulcast_need(file, source, e.input_bps);
    } else if (process.tool == "archive") {
      need = archive_need(file, source, e.input_bps);
    }
    e.needs.push_back(std::move(need));
  }
  return e;
}

}  // namespace stream::streams

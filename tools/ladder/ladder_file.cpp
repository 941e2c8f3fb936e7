// --ladder FILE.yaml:
//
//   segment: 2s
//   format: fmp4
//   dvr: all
//   copy_top: false
//   low_delay: false
//   audio_rate: 128k
//   rungs:
//     - 1080p@5000k
//     - {size: 720p, rate: 2800k, preset: faster, encoder: libx264}
#include "base/error.h"
#include "base/units.h"
#include "config/node.h"
#include "ladder/commands.h"

namespace stream::ladder {
namespace {

// Runs a parser of base or media and puts the position before what it says.
template <typename Parse>
auto at(const config::Node& node, Parse&& parse) {
  try {
    return parse(node.text());
  } catch (const Error& e) {
    if (e.code() == Exit::kConfig) throw;
    node.fail(e.what(), e.hint());
  }
}

media::RungSpec read_rung(const config::Node& node) {
  if (node.is_scalar()) return at(node, [](const std::string& t) { return media::parse_rung(t); });
  node.only({"size", "rate", "preset", "encoder", "tune", "profile", "name"});
  std::string text = node.at("size").text();
  if (const config::Node* rate = node.find("rate")) text += "@" + rate->text();
  for (const char* key : {"preset", "encoder", "tune", "profile", "name"})
    if (const config::Node* value = node.find(key))
      text += std::string(",") + key + "=" + value->text();
  return at(node.at("size"), [&](const std::string&) { return media::parse_rung(text); });
}

}  // namespace

void read_ladder_file(const std::string& path, media::LadderSpec& spec) {
  const config::Node root = config::Node::load(path);
  root.only({"segment", "format", "dvr", "copy_top", "low_delay", "audio_rate", "rungs"});
  if (const auto* n = root.find("segment"))
    spec.segment = at(*n, [](const std::string& t) { return parse_duration(t); }).value;
  if (const auto* n = root.find("format")) {
    if (n->text() != "fmp4" && n->text() != "ts") n->fail("format is fmp4 or ts");
    spec.format = n->text() == "ts" ? hls::Format::kTs : hls::Format::kFmp4;
  }
  if (const auto* n = root.find("dvr"))
    spec.window = n->text() == "all" || n->text() == "vod"
                      ? Nanoseconds(0)
                      : at(*n, [](const std::string& t) { return parse_duration(t); }).value;
  if (const auto* n = root.find("dvr")) spec.vod = n->text() == "vod";
  if (const auto* n = root.find("copy_top")) spec.copy_top = n->boolean();
  if (const auto* n = root.find("low_delay")) spec.low_delay = n->boolean();
  if (const auto* n = root.find("audio_rate"))
    spec.audio_bit_rate = at(*n, [](const std::string& t) { return parse_bit_rate(t); }).bps;
  if (const auto* n = root.find("rungs")) {
    spec.rungs.clear();
    for (const config::Node& item : n->items()) spec.rungs.push_back(read_rung(item));
    if (spec.rungs.empty()) n->fail("no rungs");
  }
}

}  // namespace stream::ladder

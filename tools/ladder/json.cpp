#include <algorithm>
#include <cstdio>

#include "cli/progress.h"
#include "ladder/commands.h"

namespace stream::ladder {

using control::Json;

namespace {

Json rate_json(Rational rate) {
  return rate.known() ? Json(rate.value()) : Json(nullptr);
}
Json text_or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}
double seconds(Nanoseconds t) {
  return std::chrono::duration<double>(t).count();
}

Json bus_json(const media::RungBus::Status& bus) {
  Json readers = Json::array();
  double queued = 0;
  for (const auto& reader : bus.readers) {
    queued = std::max(queued, seconds(reader.queued_span));
    readers.push_back({{"reader", reader.number},
                       {"pid", reader.pid},
                       {"sent_bytes", reader.sent_bytes},
                       {"queued_bytes", reader.queued_bytes},
                       {"queued_seconds", seconds(reader.queued_span)},
                       {"dropped_packets", reader.dropped_packets}});
  }
  return {{"readers", readers},
          {"sent_bytes", bus.sent_bytes},
          {"dropped_packets", bus.dropped_packets},
          {"queued_seconds", queued}};
}

}  // namespace

Json plan_json(const media::Plan& plan) {
  Json rungs = Json::array(), left_out = Json::array();
  for (const media::PlannedRung& r : plan.rungs)
    rungs.push_back({{"name", r.spec.name},
                     {"width", r.width},
                     {"height", r.height},
                     {"copied", r.copied},
                     {"bitrate_bps", r.copied ? Json(nullptr) : Json(r.spec.bit_rate)},
                     {"encoder", r.copied ? Json(nullptr) : Json(r.spec.encoder)},
                     {"preset", text_or_null(r.spec.preset)},
                     {"threads", r.threads}});
  for (const media::LeftOut& l : plan.left_out)
    left_out.push_back({{"name", l.name}, {"reason", l.reason}});
  Json json = {{"schema", "stream.ladder.plan/1"},
               {"rungs", rungs},
               {"left_out", left_out},
               {"copy_refused", text_or_null(plan.copy_refused)},
               {"segment_seconds", seconds(plan.segment)},
               {"frame_rate", rate_json(plan.frame_rate)}};
  json["source"] = plan.has_video ? Json{{"codec", plan.source_codec},
                                         {"width", plan.source_width},
                                         {"height", plan.source_height}}
                                  : Json(nullptr);
  json["audio"] =
      plan.has_audio ? Json{{"codec", "aac"}, {"channels", 2}, {"copied", false}} : Json(nullptr);
  return json;
}

Json status_json(const media::LadderStatus& s, const std::string& output) {
  Json rungs = Json::array();
  for (const media::RungStatus& r : s.rungs)
    rungs.push_back({{"name", r.name},
                     {"width", r.width},
                     {"height", r.height},
                     {"encoder", text_or_null(r.encoder)},
                     {"copied", r.copied},
                     {"paused", r.paused},
                     {"pictures", r.pictures},
                     {"restarts", r.restarts},
                     {"gaps", r.gaps},
                     {"queued_pictures", r.queued},
                     {"bus_readers", r.bus ? Json(r.bus->readers.size()) : Json(nullptr)},
                     {"bus", r.bus ? bus_json(*r.bus) : Json(nullptr)},
                     {"segments_listed", output.empty() ? Json(nullptr) : Json(r.segments)},
                     {"position_seconds", static_cast<double>(r.position) / media::kLadderSecond},
                     {"average_bps", r.rates.average},
                     {"peak_bps", r.rates.peak}});
  Json json = {{"output", text_or_null(output)},
               {"rungs", rungs},
               {"position_seconds", s.position_seconds},
               {"speed", s.speed},
               {"delay_seconds", s.backlog_seconds},
               {"live", s.live},
               {"shed_step", s.shed_step},
               {"epoch", s.epoch},
               {"pictures", s.pictures},
               {"damaged_pictures", s.damaged},
               {"left_out_pictures", s.left_out},
               {"dropped_pictures", s.dropped}};
  json["audio"] = s.sound ? Json{{"packets", s.sound->packets},
                                 {"silence_seconds", s.sound->silence_seconds},
                                 {"dropped_seconds", s.sound->dropped_seconds},
                                 {"average_bps", s.sound->rates.average}}
                          : Json(nullptr);
  json["plan"] = s.plan ? plan_json(*s.plan) : Json(nullptr);
  return json;
}

std::string status_line(const media::LadderStatus& s) {
  if (!s.plan) return "waiting for the first picture";
  char text[64];
  std::string line = cli::duration_text(
      Nanoseconds(static_cast<int64_t>(std::max(0.0, s.position_seconds) * 1e9)));
  std::snprintf(text, sizeof text, "  speed %.2fx", s.speed);
  line += text;
  if (s.live && s.backlog_seconds > 1) {
    std::snprintf(text, sizeof text, "  %.1f s behind", s.backlog_seconds);
    line += text;
  }
  for (const media::RungStatus& r : s.rungs) {
    std::snprintf(text, sizeof text, " %.1f Mbit/s", static_cast<double>(r.rates.average) / 1e6);
    line += "  " + r.name + (r.paused ? " paused" : r.rates.average > 0 ? text : "");
  }
  if (s.dropped > 0) line += "  " + std::to_string(s.dropped) + " dropped";
  return line;
}

}  // namespace stream::ladder

#include "report.h"

#include <algorithm>
#include <cstdio>

#include "base/text.h"

namespace stream::simulcast {

using Json = nlohmann::json;

Json to_json(const media::ForwardStatus& s, const std::string& shown, const std::string& profile) {
  const auto now = monotonic_now();
  const auto seconds = [](Nanoseconds t) { return std::chrono::duration<double>(t).count(); };
  const auto text = [](const std::string& t) { return t.empty() ? Json(nullptr) : Json(t); };
  return {{"name", s.name},
          {"target", shown},
          {"profile", profile},
          {"state", to_text(s.state)},
          {"health", s.health},
          {"since_seconds", seconds(s.since)},
          {"in_bps", static_cast<int64_t>(s.in_bps)},
          {"out_bps", static_cast<int64_t>(s.out_bps)},
          {"frame_rate", s.frame_rate},
          {"queue_bytes", s.queue_bytes},
          {"queue_seconds", s.queue_seconds},
          {"dropped_pictures", s.dropped_video},
          {"dropped_sounds", s.dropped_audio},
          {"thinned_pictures", s.thinned_video},
          {"sent_bytes", s.sent_bytes},
          {"sent_pictures", s.sent_frames},
          {"reconnects", s.reconnects},
          {"rtt_seconds", s.rtt_seconds >= 0 ? Json(s.rtt_seconds) : Json(nullptr)},
          {"retry_seconds", s.retry_at ? Json(seconds(*s.retry_at - now)) : Json(nullptr)},
          {"last_error", text(s.last_error)}};
}

Json to_json(const media::Forwarder::Encoding& e) {
  return {{"name", e.name},
          {"destinations", e.destinations},
          {"width", e.status.width},
          {"height", e.status.height},
          {"pictures", e.status.pictures},
          {"dropped_pictures", e.status.dropped},
          {"failures", e.status.failures},
          {"slow", e.slow},
          {"last_error", e.status.last_error.empty() ? Json(nullptr) : Json(e.status.last_error)}};
}

Json to_json(const media::Forwarder::UplinkStatus& u) {
  return {{"full", u.full},
          {"uplink_bps", u.limit_bps > 0 ? Json(u.limit_bps) : Json(nullptr)},
          {"wanted_bps", u.wanted_bps},
          {"thinned", u.thinned},
          {"held", u.held}};
}

std::string uplink_line(const Json& u) {
  if (!u.value("full", false)) return {};
  const auto rate = [&u](const char* field) {
    return std::to_string(u.value(field, int64_t{0}) / 1000) + " kbit/s";
  };
  std::string line = "the uplink is full: " + rate("wanted_bps") + " are wanted";
  if (u.at("uplink_bps").is_number()) line += ", there are " + rate("uplink_bps");
  for (const char* what : {"thinned", "held"}) {
    std::string names;
    for (const Json& name : u.at(what)) names += " " + name.get<std::string>();
    if (!names.empty()) line += "; " + std::string(what) + ":" + names;
  }
  return line;
}

std::string encoding_table(const Json& encodings) {
  std::string out;
  for (const Json& e : encodings) {
    out += "encoding " + e.value("name", "") + " for";
    for (const Json& name : e.at("destinations")) out += " " + name.get<std::string>();
    if (e.value("slow", false))
      out += ": can't keep up, " + e.at("dropped_pictures").dump() + " pictures left out";
    out += "\n";
  }
  return out;
}

std::string table(const Json& destinations, bool header) {
  constexpr char kRow[] = "%-*s %-11s %6s %6s %5s %6s %5s %5s  ";
  size_t widest = 4;
  for (const Json& d : destinations) widest = std::max(widest, d.value("name", "").size());
  const int width = static_cast<int>(std::min<size_t>(widest, 16));
  std::string out;
  char line[200];
  if (header) {
    std::snprintf(line, sizeof line, kRow, width, "NAME", "STATE", "SINCE", "KBIT/S", "FPS",
                  "QUEUE", "DROPS", "AGAIN");
    out += std::string(line) + "LAST ERROR\n";
  }
  for (const Json& d : destinations) {
    const auto number = [&d](const char* field, const char* form, double factor = 1) {
      char text[32];
      std::snprintf(text, sizeof text, form, d.value(field, 0.0) * factor);
      return std::string(text);
    };
    const bool hours = d.value("since_seconds", 0.0) >= 3600;
    const double drops = d.value("dropped_pictures", 0.0) + d.value("dropped_sounds", 0.0);
    std::snprintf(
        line, sizeof line, kRow, width, d.value("name", "").c_str(), d.value("state", "").c_str(),
        number("since_seconds", hours ? "%.1fh" : "%.0fs", hours ? 1.0 / 3600 : 1).c_str(),
        number("out_bps", "%.0f", 0.001).c_str(), number("frame_rate", "%.1f").c_str(),
        number("queue_seconds", "%.1fs").c_str(),
        std::to_string(static_cast<int64_t>(drops)).c_str(), number("reconnects", "%.0f").c_str());
    out += line;
    const Json& error = d.at("last_error");
    out += (error.is_string() ? escaped(error.get<std::string>(), 100) : "-") + "\n";
  }
  return out;
}

}  // namespace stream::simulcast

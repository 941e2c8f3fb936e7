#include "doctor/finding.h"

#include <algorithm>

#include "base/text.h"

namespace stream::doctor {

std::string_view to_text(State state) {
  return state == State::kOk ? "ok" : state == State::kWarn ? "warn" : "fail";
}

bool any_failed(const Findings& findings) {
  return std::any_of(findings.begin(), findings.end(),
                     [](const Finding& f) { return f.state == State::kFail; });
}

nlohmann::ordered_json to_json(const Findings& findings) {
  using Json = nlohmann::ordered_json;
  Json checks = Json::array();
  for (const Finding& f : findings)
    checks.push_back({{"id", f.check},
                      {"state", to_text(f.state)},
                      {"evidence", f.evidence},
                      {"remedy", f.remedy.empty() ? Json(nullptr) : Json(f.remedy)}});
  return checks;
}

std::string to_text(const Findings& findings) {
  std::string out;
  for (const Finding& f : findings)
    out += std::string(to_text(f.state)) + "\t" + f.check + "\t" + escaped(f.evidence, 500) +
           (f.remedy.empty() ? "" : "\t" + escaped(f.remedy, 500)) + "\n";
  return out;
}

}  // namespace stream::doctor

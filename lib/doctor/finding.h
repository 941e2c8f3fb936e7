// What a doctor verb says: checks, each ok, warn or fail, with what was seen and what to do.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace stream::doctor {

enum class State { kOk, kWarn, kFail };
std::string_view to_text(State state);

struct Finding {
  std::string check;  // "disk.space"
  State state;
  std::string evidence, remedy;  // remedy: empty when there is nothing to do
};
using Findings = std::vector<Finding>;

bool any_failed(const Findings& findings);
// {id, state, evidence, remedy} each.
nlohmann::ordered_json to_json(const Findings& findings);
// "ok\tdisk.space\t...", a line each.
std::string to_text(const Findings& findings);

}  // namespace stream::doctor

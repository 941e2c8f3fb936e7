#include "plan.h"

#include <algorithm>
#include <cstdlib>

namespace fault {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// The number, and what follows it.
std::optional<std::pair<double, std::string>> number(std::string_view text) {
  const std::string copy(text);
  char* end = nullptr;
  const double value = std::strtod(copy.c_str(), &end);
  if (end == copy.c_str() || !(value >= 0)) return std::nullopt;
  return std::pair(value, std::string(end));
}

std::optional<Time> time_of(std::string_view text) {
  const auto n = number(text);
  if (!n) return std::nullopt;
  const double scale = n->second == "s" ? 1e6 : n->second == "ms" ? 1e3 : n->second == "us" ? 1 : 0;
  if (scale == 0 || n->first * scale > 1e12) return std::nullopt;
  return Time(static_cast<int64_t>(n->first * scale));
}

std::optional<double> share_of(std::string_view text) {
  const auto n = number(text);
  if (!n || n->second != "%" || n->first > 100) return std::nullopt;
  return n->first / 100;
}

// bit/s, given as bytes per second.
std::optional<uint64_t> rate_of(std::string_view text) {
  const auto n = number(text);
  if (!n) return std::nullopt;
  const double scale = n->second == "k" ? 1e3 : n->second == "M" ? 1e6 : n->second == "bps" ? 1 : 0;
  if (scale == 0 || n->first * scale < 8) return std::nullopt;
  return static_cast<uint64_t>(n->first * scale / 8);
}

template <typename T>
bool put(T& target, const std::optional<T>& value) {
  if (value) target = *value;
  return value.has_value();
}

bool set(Faults& faults, std::string_view word) {
  const size_t equals = std::min(word.find('='), word.size());
  const std::string_view name = word.substr(0, equals);
  const std::string_view value = word.substr(std::min(equals + 1, word.size()));
  if (name == "delay") return put(faults.delay, time_of(value));
  if (name == "jitter") return put(faults.jitter, time_of(value));
  if (name == "loss") return put(faults.loss, share_of(value));
  if (name == "duplicate") return put(faults.duplicate, share_of(value));
  if (name == "reorder") return put(faults.reorder, share_of(value));
  if (name == "reorder-by") return put(faults.reorder_by, time_of(value));
  if (name == "rate") return put(faults.rate, rate_of(value));
  if (name == "total") return put(faults.total, rate_of(value));
  if (word == "stall") return faults.stall = true;
  if (word == "cut") return faults.cut = true;
  return word == "clean";
}

}  // namespace

uint32_t Random::next() {
  const uint64_t old = state_;
  state_ = old * 6364136223846793005ull + 1442695040888963407ull;
  const auto mixed = static_cast<uint32_t>(((old >> 18) ^ old) >> 27);
  const auto turn = static_cast<uint32_t>(old >> 59);
  return mixed >> turn | mixed << ((32 - turn) & 31);
}

std::optional<std::vector<Step>> parse_plan(std::string_view text, std::string& error) {
  std::vector<Step> steps;
  while (!text.empty()) {
    const size_t end = std::min(text.find(';'), text.size());
    std::string_view part = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    Step step;
    if (const size_t colon = part.find(':'); colon != part.npos) {
      const auto at = time_of(trimmed(part.substr(0, colon)));
      if (!at || (!steps.empty() && *at <= steps.back().at)) {
        error = "not a later time: " + std::string(part.substr(0, colon));
        return std::nullopt;
      }
      step.at = *at;
      part = trimmed(part.substr(colon + 1));
    } else if (!steps.empty()) {
      error = "only the first step has no time: " + std::string(part);
      return std::nullopt;
    }
    while (!part.empty()) {
      const size_t space = std::min(part.find(' '), part.size());
      const std::string word(part.substr(0, space));
      part = trimmed(part.substr(space));
      if (!set(step.faults, word)) {
        error = "not understood: " + word;
        return std::nullopt;
      }
    }
    steps.push_back(step);
  }
  if (steps.empty() || steps.front().at > Time(0)) steps.insert(steps.begin(), Step{});
  return steps;
}

}  // namespace fault

#include "observe/exposition.h"

#include <cmath>
#include <cstdio>

#include "base/text.h"

namespace stream::observe {
namespace {

constexpr size_t kMaxLabel = 100;

// Label values come from names that our programs have checked; what else may be in them must not
// end the line.
std::string quoted(const std::string& value) {
  std::string out = "\"";
  for (const char c : escaped(value, kMaxLabel)) {
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string series(const Sample& sample) {
  std::string out(sample.family->name);
  if (sample.labels.empty()) return out;
  char before = '{';
  for (const auto& [name, value] : sample.labels) {
    out += before + std::string(name) + "=" + quoted(value);
    before = ',';
  }
  return out + "}";
}

// Whole numbers as such: 1e+06 is right and unreadable.
std::string number_text(double value) {
  char text[40];
  const bool whole = std::floor(value) == value && std::fabs(value) < 9e15;
  std::snprintf(text, sizeof text, whole ? "%.0f" : "%.9g", value);
  return text;
}

}  // namespace

std::string_view to_text(MetricType type) {
  return type == MetricType::kCounter ? "counter" : "gauge";
}

void Samples::add(const Family& family, Labels labels, double value) {
  Sample sample{&family, std::move(labels), value};
  if (samples_.size() >= most_ || !std::isfinite(value) || !seen_.insert(series(sample)).second)
    return leave_out(1);
  samples_.push_back(std::move(sample));
}

std::string Samples::text(std::span<const Family* const> families) const {
  std::map<const Family*, std::string> lines;
  for (const Sample& sample : samples_)
    lines[sample.family] += series(sample) + " " + number_text(sample.value) + "\n";
  std::string out;
  for (const Family* family : families) {
    out += "# HELP " + std::string(family->name) + " " + std::string(family->help) + "\n# TYPE " +
           std::string(family->name) + " " + std::string(to_text(family->type)) + "\n";
    if (const auto it = lines.find(family); it != lines.end()) out += it->second;
  }
  return out;
}

}  // namespace stream::observe

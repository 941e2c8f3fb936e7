#include "observe/read.h"

namespace stream::observe {

const Json& at(const Json& document, const char* pointer) {
  static const Json kNull;
  const Json::json_pointer path(pointer);
  return document.contains(path) ? document.at(path) : kNull;
}

std::optional<double> number(const Json& document, const char* pointer) {
  const Json& value = at(document, pointer);
  if (!value.is_number()) return std::nullopt;
  return value.get<double>();
}

int whole(const Json& document, const char* pointer) {
  const double value = number(document, pointer).value_or(0);
  return value > 0 && value <= 1e9 ? static_cast<int>(value) : 0;
}

std::string text(const Json& document, const char* pointer) {
  const Json& value = at(document, pointer);
  return value.is_string() ? value.get<std::string>() : std::string();
}

bool truth(const Json& document, const char* pointer) {
  const Json& value = at(document, pointer);
  return value.is_boolean() && value.get<bool>();
}

const Json& list(const Json& document, const char* pointer) {
  static const Json kEmpty = Json::array();
  const Json& value = at(document, pointer);
  return value.is_array() ? value : kEmpty;
}

std::string archive_detail(const Json& status) {
  const int stored = whole(status, "/recordings/stored"), due = whole(status, "/recordings/due"),
            failing = whole(status, "/recordings/failing");
  std::string out = std::to_string(stored) + " stored";
  if (due > 0) out += ", " + std::to_string(due) + " due";
  if (failing > 0) out += ", " + std::to_string(failing) + " failing";
  if (!text(status, "/live/failing").empty()) out += ", the mirror stands still";
  return out;
}

}  // namespace stream::observe

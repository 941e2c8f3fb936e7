// JSON from strangers: one reading only. Refuses a name given twice in an object (the last would
// win silently), nesting deeper than 16 and more text than `max` bytes.
#pragma once
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace stream::crypto {

std::optional<nlohmann::json> strict_json(std::string_view text, size_t max = 1 << 20);

// The member if it is there and of that kind.
std::optional<std::string> text_member(const nlohmann::json& object, const char* name);
std::optional<int64_t> number_member(const nlohmann::json& object, const char* name);

}  // namespace stream::crypto

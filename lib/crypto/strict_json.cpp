#include "crypto/strict_json.h"

#include <cmath>
#include <set>
#include <vector>

namespace stream::crypto {
namespace {

constexpr size_t kDepth = 16;

// Builds nothing: only looks for what makes a text ambiguous or deep.
class Inspector : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(size_t) override { return enter(); }
  bool end_object() override { return leave(); }
  bool start_array(size_t) override { return enter(); }
  bool end_array() override { return leave(); }
  bool key(string_t& name) override { return names_.back().insert(name).second; }
  bool parse_error(size_t, const std::string&, const nlohmann::json::exception&) override {
    return false;
  }

 private:
  bool enter() {
    names_.emplace_back();
    return names_.size() <= kDepth;
  }
  bool leave() {
    names_.pop_back();
    return true;
  }
  std::vector<std::set<std::string>> names_;
};

}  // namespace

std::optional<nlohmann::json> strict_json(std::string_view text, size_t max) {
  if (text.size() > max) return std::nullopt;
  Inspector inspector;
  if (!nlohmann::json::sax_parse(text, &inspector)) return std::nullopt;
  return nlohmann::json::parse(text, nullptr, false);
}

std::optional<std::string> text_member(const nlohmann::json& object, const char* name) {
  if (!object.is_object()) return std::nullopt;
  const auto member = object.find(name);
  if (member == object.end() || !member->is_string()) return std::nullopt;
  return member->get<std::string>();
}

std::optional<int64_t> number_member(const nlohmann::json& object, const char* name) {
  if (!object.is_object()) return std::nullopt;
  const auto member = object.find(name);
  if (member == object.end() || !member->is_number()) return std::nullopt;
  // Beyond 2^53 a number is no longer one number for every reader.
  const double value = member->get<double>();
  if (!std::isfinite(value) || std::fabs(value) > 9007199254740992.0) return std::nullopt;
  return static_cast<int64_t>(std::floor(value));
}

}  // namespace stream::crypto

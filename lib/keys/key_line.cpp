#include "keys/key_line.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/time.h"
#include "crypto/encoding.h"
#include "keys/address.h"

namespace stream::keys {
namespace {

using Json = nlohmann::ordered_json;
// 2200-12-31T23:59:59.999Z, the last that parse_rfc3339 reads back.
constexpr int64_t kLatestTime = 7'289'654'399'999;
constexpr std::string_view kStart = "{\"hash\":\"";

Json optional_time(const std::optional<int64_t>& time) {
  return time ? Json(time_text(*time)) : Json(nullptr);
}

// Fills a Credential without building a document: a list of 100,000 keys has to be quick.
class LineReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit LineReader(Credential& out) : out_(out) {}
  bool complete() const { return ok_ && has_stream_ && has_id_; }

  bool null() override { return depth_ == 1 && !in_list_; }
  bool boolean(bool value) override {
    if (name_ == "kick") out_.key.kick = value;
    return depth_ == 1 && !in_list_;
  }
  bool number_integer(number_integer_t) override { return false; }
  bool number_unsigned(number_unsigned_t value) override {
    if (name_ != "max_sessions" || value > 1'000'000) return false;
    out_.key.max_sessions = static_cast<unsigned>(value);
    return true;
  }
  bool number_float(number_float_t, const string_t&) override { return false; }
  bool binary(binary_t&) override { return false; }
  bool start_object(size_t) override { return ++depth_ == 1; }
  bool end_object() override {
    ok_ = true;
    return true;
  }
  bool start_array(size_t) override {
    in_list_ = true;
    return depth_ == 1 && (name_ == "protocols" || name_ == "from");
  }
  bool end_array() override {
    in_list_ = false;
    return true;
  }
  bool key(string_t& name) override {
    name_.swap(name);
    return true;
  }
  bool parse_error(size_t, const std::string&, const nlohmann::json::exception&) override {
    return false;
  }
  bool string(string_t& value) override {
    Key& key = out_.key;
    if (in_list_) {
      auto& list = name_ == "from" ? key.from : key.protocols;
      list.push_back(std::move(value));
      return list.size() <= 64;
    }
    if (name_ == "hash") return false;  // twice
    if (name_ == "id") return text(key.id, value, has_id_) && !key.id.empty();
    if (name_ == "stream")
      return text(key.stream, value, has_stream_) && is_stream_name(key.stream);
    if (name_ == "label") {
      key.label = std::move(value);
      return true;
    }
    const auto time = parse_time(value);
    if (name_ == "created") key.created = time.value_or(0);
    if (name_ == "expires") key.expires = time;
    if (name_ == "revoked") key.revoked = time;
    return time.has_value();
  }

 private:
  bool text(std::string& target, string_t& value, bool& seen) {
    target = std::move(value);
    return !std::exchange(seen, true);
  }
  Credential& out_;
  std::string name_;
  int depth_ = 0;
  bool ok_ = false, in_list_ = false, has_id_ = false, has_stream_ = false;
};

// A line exactly as write_line() writes it, of plain ASCII; anything else is for LineReader. It is
// what makes a list of 100,000 keys three times as fast.
class PlainLine {
 public:
  explicit PlainLine(std::string_view line) : rest_(line) {}

  bool read(Credential& out) {
    Key& key = out.key;
    literal(kStart), out.hash = string();
    literal(",\"id\":\""), key.id = string();
    literal(",\"stream\":\""), key.stream = string();
    literal(",\"label\":\""), key.label = string();
    std::optional<int64_t> created;
    literal(",\"created\":"), time(created);
    literal(",\"expires\":"), time(key.expires);
    literal(",\"max_sessions\":"), key.max_sessions = number();
    literal(",\"protocols\":["), list(key.protocols);
    literal(",\"from\":["), list(key.from);
    literal(",\"revoked\":"), time(key.revoked);
    literal(",\"kick\":"), key.kick = boolean();
    literal("}");
    key.created = created.value_or(0);
    return ok_ && rest_.empty() && created && !key.id.empty() && is_stream_name(key.stream);
  }

 private:
  bool skip(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }
  void literal(std::string_view text) { ok_ = skip(text) && ok_; }
  // Up to the closing quote; the opening one is part of the literal before.
  std::string string() {
    const std::string_view text = rest_.substr(0, rest_.find('"'));
    ok_ = ok_ && text.size() < rest_.size() && std::all_of(text.begin(), text.end(), [](char c) {
            return c >= ' ' && c <= '~' && c != '\\';
          });
    rest_.remove_prefix(std::min(text.size() + 1, rest_.size()));
    return std::string(text);
  }
  void time(std::optional<int64_t>& out) {
    if (skip("null")) return;
    literal("\"");
    out = parse_time(string());
    ok_ = ok_ && out;
  }
  unsigned number() {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    ok_ = ok_ && error == std::errc() && value <= 1'000'000 && (rest_[0] != '0' || value == 0);
    rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
    return value;
  }
  void list(std::vector<std::string>& out) {
    while (ok_ && !skip("]")) {
      if (!out.empty()) literal(",");
      literal("\"");
      out.push_back(string());
      ok_ = ok_ && out.size() <= 64;
    }
  }
  bool boolean() {
    if (skip("true")) return true;
    literal("false");
    return false;
  }
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace

std::string write_line(const Credential& credential) {
  const Key& key = credential.key;
  return Json{{"hash", credential.hash},
              {"id", key.id},
              {"stream", key.stream},
              {"label", key.label},
              {"created", time_text(key.created)},
              {"expires", optional_time(key.expires)},
              {"max_sessions", key.max_sessions},
              {"protocols", key.protocols},
              {"from", key.from},
              {"revoked", optional_time(key.revoked)},
              {"kick", key.kick}}
      .dump();
}

std::string_view hash_of_line(std::string_view line) {
  if (!line.starts_with(kStart) || line.size() < kStart.size() + kHashDigits + 1) return {};
  return line[kStart.size() + kHashDigits] == '"' ? line.substr(kStart.size(), kHashDigits)
                                                  : std::string_view();
}

std::optional<Credential> parse_line(std::string_view line) {
  Credential credential;
  credential.hash = hash_of_line(line);
  // The hash is a quarter of the line: the parser starts behind it.
  const size_t rest = kStart.size() + kHashDigits + 1;
  const bool is_hash = !credential.hash.empty() &&
                       credential.hash.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!is_hash || line.size() > kMaxLine) return std::nullopt;
  if (Credential plain; PlainLine(line).read(plain)) return plain;
  if (line.size() <= rest || line[rest] != ',') return std::nullopt;
  std::string object(line.substr(rest));
  object[0] = '{';
  LineReader reader(credential);
  if (!nlohmann::json::sax_parse(object, &reader) || !reader.complete()) return std::nullopt;
  return credential;
}

std::string write_head(const Salt& salt) {
  return Json{{"schema", kSchema}, {"salt", crypto::hex(salt)}}.dump();
}

std::optional<Salt> parse_head(std::string_view line) {
  const auto head = nlohmann::json::parse(line, nullptr, false);
  if (!head.is_object() || head.value("schema", nlohmann::json()) != kSchema) return std::nullopt;
  const auto salt = head.find("salt");
  if (salt == head.end() || !salt->is_string()) return std::nullopt;
  const auto bytes = crypto::from_hex(salt->get_ref<const std::string&>());
  Salt out;
  if (!bytes || bytes->size() != out.size()) return std::nullopt;
  std::copy(bytes->begin(), bytes->end(), out.begin());
  return out;
}

std::string time_text(int64_t milliseconds) {
  const auto time = std::chrono::milliseconds(std::clamp<int64_t>(milliseconds, 0, kLatestTime));
  return rfc3339(std::chrono::system_clock::time_point(time));
}

std::optional<int64_t> parse_time(std::string_view text) {
  const auto time = parse_rfc3339(text);
  if (!time) return std::nullopt;
  return unix_ms(*time);
}

}  // namespace stream::keys

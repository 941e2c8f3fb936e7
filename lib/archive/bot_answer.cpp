#include "archive/bot_answer.h"

#include <algorithm>

#include "crypto/strict_json.h"

namespace stream::archive {

namespace {

using Json = nlohmann::json;

constexpr int64_t kMaxWait = 7 * 24 * 3600;
constexpr size_t kMaxId = 512, kMaxPath = 4096;

bool is_printable(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 32 && c < 127; });
}

std::optional<BotFile> file_of(const Json& object) {
  const auto id = crypto::text_member(object, "file_id");
  if (!id || id->empty() || id->size() > kMaxId || !is_printable(*id)) return std::nullopt;
  BotFile file;
  file.id = *id;
  file.size = static_cast<uint64_t>(
      std::max<int64_t>(0, crypto::number_member(object, "file_size").value_or(0)));
  file.path = crypto::text_member(object, "file_path").value_or("");
  if (file.path.size() > kMaxPath) return std::nullopt;
  return file;
}

void take_result(const Json& result, BotAnswer& answer) {
  answer.message_id = std::max<int64_t>(0, crypto::number_member(result, "message_id").value_or(0));
  answer.file = file_of(result);
  // A silent video may come back as an animation.
  for (const char* kind : {"document", "video", "animation", "audio"}) {
    if (answer.file || !result.is_object()) return;
    if (const auto at = result.find(kind); at != result.end()) answer.file = file_of(*at);
  }
}

}  // namespace

std::optional<BotAnswer> parse_bot_answer(std::string_view text) {
  const auto json = crypto::strict_json(text);
  if (!json || !json->is_object()) return std::nullopt;
  const auto ok = json->find("ok");
  if (ok == json->end() || !ok->is_boolean()) return std::nullopt;
  BotAnswer answer;
  answer.ok = ok->get<bool>();
  if (answer.ok) {
    const auto result = json->find("result");
    if (result == json->end()) return std::nullopt;
    take_result(*result, answer);
    return answer;
  }
  answer.code = static_cast<int>(
      std::clamp<int64_t>(crypto::number_member(*json, "error_code").value_or(0), 0, 999));
  answer.description = crypto::text_member(*json, "description").value_or("");
  if (const auto parameters = json->find("parameters"); parameters != json->end()) {
    answer.retry_after = static_cast<int>(std::clamp<int64_t>(
        crypto::number_member(*parameters, "retry_after").value_or(0), 0, kMaxWait));
    answer.move_to = crypto::number_member(*parameters, "migrate_to_chat_id");
  }
  return answer;
}

bool is_bot_token(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == text.npos || colon == 0 || colon > 20) return false;
  const std::string_view secret = text.substr(colon + 1);
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return secret.size() >= 10 && secret.size() <= 200 &&
         std::all_of(text.begin(), text.begin() + static_cast<long>(colon), digit) &&
         std::all_of(secret.begin(), secret.end(), [&](char c) {
           return digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
                  c == '-';
         });
}

bool is_bot_file_path(std::string_view path) {
  if (path.empty() || path[0] == '/' || path.find("..") != path.npos) return false;
  return std::all_of(path.begin(), path.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '-' || c == '.' || c == '/';
  });
}

}  // namespace stream::archive

#include "keys/publish_question.h"

#include "base/text.h"
#include "crypto/strict_json.h"

namespace stream::keys {
namespace {

using Json = nlohmann::ordered_json;

Json or_null(std::string_view text) {
  return text.empty() ? Json(nullptr) : Json(std::string(text));
}

PublishAnswer unclear(std::string reason) {
  return {PublishAnswer::Kind::kUnclear, {}, std::move(reason)};
}

}  // namespace

Secret write_question(const PublishQuestion& q) {
  const Json question{{"schema", "stream.publish_question/1"},
                      {"action", "publish"},
                      {"protocol", std::string(q.protocol)},
                      {"address", std::string(q.address)},
                      {"ip", std::string(q.host)},
                      {"encoder", or_null(q.encoder)},
                      {"stream", or_null(q.stream)},
                      {"key", or_null(q.key)}};
  return Secret(question.dump(-1, ' ', false, Json::error_handler_t::replace));
}

PublishAnswer read_answer(int status, std::string_view body) {
  if (status == 401 || status == 403) return {PublishAnswer::Kind::kNo, {}, {}};
  if (status < 200 || status > 299) return unclear("it answered " + std::to_string(status));
  const size_t start = body.find_first_not_of(" \t\r\n");
  PublishAnswer yes{PublishAnswer::Kind::kYes, {}, {}};
  if (start == body.npos || body[start] != '{') return yes;
  const auto object = crypto::strict_json(body, kMaxAnswer);
  if (!object) return unclear("its answer is no JSON");
  const auto name = object->find("stream");
  if (name == object->end() || name->is_null()) return yes;
  if (!name->is_string() || !is_stream_name(name->get<std::string>()))
    return unclear("its answer names a stream that can't be one");
  yes.stream = name->get<std::string>();
  return yes;
}

}  // namespace stream::keys

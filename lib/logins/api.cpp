#include "logins/api.h"

#include "base/error.h"
#include "base/text.h"
#include "crypto/strict_json.h"
#include "fetch/client.h"

namespace stream::logins {
namespace {

using nlohmann::json;

fetch::Response send(const Login& login, const std::string& method, const std::string& path,
                     const std::optional<json>& body) {
  const Platform& p = platform(login.platform);
  fetch::Request request;
  request.method = method;
  // A path with a host of its own is a public address of the platform: it needs no token.
  const bool is_public = path.starts_with("https://");
  request.url = at_root(is_public ? path : p.api_root() + path, login.api_root);
  request.headers = {"Accept: application/json"};
  if (!is_public) {
    request.headers.push_back("Authorization: Bearer " + revealed(login.access));
    request.headers.push_back("Client-Id: " + login.client_id);
  }
  if (body) {
    request.headers.push_back("Content-Type: application/json");
    request.body = Secret(body->dump(-1, ' ', false, json::error_handler_t::replace));
  }
  return fetch::send(request);
}

}  // namespace

Answer Api::call(const std::string& method, const std::string& path,
                 const std::optional<json>& body) {
  renew(vault_, login_);
  fetch::Response response = send(login_, method, path, body);
  if (response.status == 401) {
    const Secret rejected = login_.access;
    renew(vault_, login_, &rejected);
    response = send(login_, method, path, body);
  }
  if (response.status == 0)
    throw Error(Exit::kNetwork, "platform.unreachable",
                login_.platform + " can't be reached: " + response.failure,
                "check the network and try again");
  Answer answer{response.status, json::object()};
  if (auto document = crypto::strict_json(response.body)) answer.body = std::move(*document);
  return answer;
}

json Api::need(const std::string& method, const std::string& path,
               const std::optional<json>& body) {
  Answer answer = call(method, path, body);
  if (!answer.ok()) fail(method, answer);
  return std::move(answer.body);
}

std::string Api::reason(const json& body) {
  // Google: error.errors[0].reason. Cloudflare: errors[0].message. Facebook: error.message. Twitch:
  // message.
  const auto first = [](const json& object, const char* list) -> const json& {
    static const json none;
    const auto member = object.is_object() ? object.find(list) : object.end();
    return member != object.end() && member->is_array() && !member->empty() ? (*member)[0] : none;
  };
  const json error = body.is_object() ? body.value("error", json()) : json();
  if (const auto word = crypto::text_member(first(error, "errors"), "reason")) return *word;
  if (const auto word = crypto::text_member(first(body, "errors"), "message")) return *word;
  if (const auto word = crypto::text_member(error, "message")) return *word;
  return crypto::text_member(body, "message").value_or("");
}

void Api::fail(const std::string& what, const Answer& answer) const {
  const std::string why = escaped(reason(answer.body));
  const bool later = answer.status == 429 || answer.status >= 500;
  throw Error(later ? Exit::kNetwork : Exit::kRefused, "platform.refused",
              login_.platform + " refused (" + what + ", status " + std::to_string(answer.status) +
                  ")" + (why.empty() ? "" : ": " + why),
              later ? "try again later" : "see the platform's own page for what it means");
}

}  // namespace stream::logins

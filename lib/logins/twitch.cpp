// Twitch: Helix, and its own spelling of the device flow ("scopes", errors in "message").
#include "base/error.h"
#include "crypto/strict_json.h"
#include "logins/api.h"
#include "logins/platforms.h"

namespace stream::logins {
namespace {

using nlohmann::json;
constexpr const char* kChannelScopes = "channel:read:stream_key channel:manage:broadcast";

std::string first(const json& answer, const char* list, const char* key) {
  const json items = answer.is_object() ? answer.value(list, json::array()) : json::array();
  const auto value = items.is_array() && !items.empty() ? crypto::text_member(items[0], key)
                                                        : std::optional<std::string>();
  if (!value)
    throw Error(Exit::kNetwork, "platform.answer", std::string("twitch's answer lacks ") + key,
                "try again later");
  return *value;
}

class Twitch : public Platform {
 public:
  const char* name() const override { return "twitch"; }
  std::string api_root() const override { return "https://api.twitch.tv/helix"; }

  DeviceAnswer start_device(const Login& login) const override {
    const auto r = post_form(issuer(login, "/device"),
                             {{"client_id", login.client_id}, {"scopes", kChannelScopes}});
    return read_device_answer(r.status, r.body);
  }
  TokenAnswer poll_device(const Login& login, const Secret& code) const override {
    return token(login, {{"scopes", kChannelScopes},
                         {"device_code", revealed(code)},
                         {"grant_type", "urn:ietf:params:oauth:grant-type:device_code"}});
  }
  TokenAnswer refresh(const Login& login) const override {
    return token(login,
                 {{"refresh_token", revealed(login.refresh)}, {"grant_type", "refresh_token"}});
  }
  void revoke(const Login& login) const override {
    post_form(issuer(login, "/revoke"),
              {{"client_id", login.client_id}, {"token", revealed(login.access)}});
  }

  Endpoint make_endpoint(Api& api, const Wanted& wanted) const override {
    const std::string user = first(api.need("GET", "/users"), "data", "id");
    const auto of_user = "?" + fetch::form({{"broadcaster_id", user}});
    if (!wanted.title.empty())
      api.need("PATCH", "/channels" + of_user, json{{"title", wanted.title}});
    const std::string key = first(api.need("GET", "/streams/key" + of_user), "data", "stream_key");
    // The nearest server comes first; only this list has the addresses for RTMPS.
    std::string url = first(api.need("GET", "https://ingest.twitch.tv/ingests"), "ingests",
                            "url_template_secure");
    const std::string place = "{stream_key}";
    const size_t at = url.find(place);
    if (at == std::string::npos)
      throw Error(Exit::kNetwork, "platform.answer", "twitch's address has no place for the key",
                  "try again later");
    url.replace(at, place.size(), key);
    return {Secret(url), {}, {{"user", user}}};
  }
  std::string go_live(Api&, const json&, std::chrono::milliseconds) const override {
    return "twitch goes live by itself with the first media";
  }
  std::string end(Api&, const json&) const override {
    return "twitch ends the broadcast by itself when the media end";
  }
  nlohmann::ordered_json status(Api& api, const json& state) const override {
    const json answer =
        api.need("GET", "/streams?" + fetch::form({{"user_id", state.value("user", "")}}));
    const json streams = answer.value("data", json::array());
    if (!streams.is_array() || streams.empty()) return {{"state", "offline"}};
    return {{"state", streams[0].value("type", "live")},
            {"title", streams[0].value("title", "")},
            {"started", streams[0].value("started_at", "")}};
  }

 private:
  static std::string issuer(const Login& login, const char* path) {
    return at_root(std::string("https://id.twitch.tv/oauth2") + path, login.auth_root);
  }
  static TokenAnswer token(const Login& login, fetch::Fields fields) {
    fields.emplace_back("client_id", login.client_id);
    if (!login.client_secret.empty())
      fields.emplace_back("client_secret", revealed(login.client_secret));
    const auto r = post_form(issuer(login, "/token"), fields);
    return read_token_answer(r.status, r.body);
  }
};

}  // namespace

const Platform* twitch() {
  static const Twitch platform;
  return &platform;
}

}  // namespace stream::logins

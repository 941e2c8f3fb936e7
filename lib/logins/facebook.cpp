// Facebook Live: device login, then a long-lived token (60 days, never renewed) and a page's token.
#include "base/error.h"
#include "logins/api.h"
#include "logins/platforms.h"

namespace stream::logins {
namespace {

using nlohmann::json;
constexpr const char* kGraph = "https://graph.facebook.com/v25.0";
constexpr const char* kPageScopes =
    "pages_show_list,pages_manage_posts,pages_read_engagement,publish_video";

class Facebook : public Platform {
 public:
  const char* name() const override { return "facebook"; }
  std::string api_root() const override { return kGraph; }

  DeviceAnswer start_device(const Login& login) const override {
    const auto r = post_form(issuer(login, "/device/login"),
                             {{"access_token", app_token(login)}, {"scope", kPageScopes}});
    return read_device_answer(r.status, r.body);
  }
  TokenAnswer poll_device(const Login& login, const Secret& code) const override {
    const auto r = post_form(issuer(login, "/device/login_status"),
                             {{"access_token", app_token(login)}, {"code", revealed(code)}});
    return read_token_answer(r.status, r.body);
  }
  // The short-lived token becomes one of 60 days; that needs the app's secret.
  void complete(Login& login) const override {
    if (login.client_secret.empty()) return;
    fetch::Fields fields{{"grant_type", "fb_exchange_token"},
                         {"client_id", login.client_id},
                         {"client_secret", app_secret(login)},
                         {"fb_exchange_token", revealed(login.access)}};
    const auto r = post_form(issuer(login, "/oauth/access_token"), fields);
    const TokenAnswer answer = read_token_answer(r.status, r.body);
    if (answer.outcome != Outcome::kOk)
      throw Error(answer.outcome == Outcome::kTemporary ? Exit::kNetwork : Exit::kRefused,
                  "login.refused", "facebook gave no long-lived token: " + answer.reason,
                  "check the app's secret and log in again");
    apply(answer, login.issued, login);
  }
  void revoke(const Login& login) const override {
    fetch::Request request;
    request.method = "DELETE";
    request.url = issuer(login, "/me/permissions");
    request.headers = {"Authorization: Bearer " + revealed(login.access)};
    fetch::send(request);
  }

  Endpoint make_endpoint(Api& api, const Wanted& wanted) const override {
    const std::string target = wanted.target.empty() ? "me" : wanted.target;
    json fields{{"status", "UNPUBLISHED"}, {"title", wanted.title}};
    if (!wanted.privacy.empty() && target == "me")
      fields["privacy"] = {{"value", wanted.privacy == "public" ? "EVERYONE" : "SELF"}};
    const json video = api.need("POST", "/" + fetch_escape(target) + "/live_videos", fields);
    Endpoint endpoint;
    // Never taken apart or decoded: the key carries a signed query.
    endpoint.url = Secret(member(video, "secure_stream_url"));
    endpoint.state = {{"video", member(video, "id")}};
    return endpoint;
  }
  std::string go_live(Api& api, const json& state, std::chrono::milliseconds) const override {
    api.need("POST", video(state), json{{"status", "LIVE_NOW"}});
    return "live on facebook as video " + member(state, "video");
  }
  std::string end(Api& api, const json& state) const override {
    api.need("POST", video(state), json{{"end_live_video", true}});
    return "the live video has ended";
  }
  nlohmann::ordered_json status(Api& api, const json& state) const override {
    const json answer = api.need("GET", video(state) + "?fields=status,live_views");
    return {{"state", answer.value("status", "")}, {"viewers", answer.value("live_views", json())}};
  }

 private:
  static std::string issuer(const Login& login, const char* path) {
    return at_root(std::string(kGraph) + path, login.auth_root);
  }
  std::string video(const json& state) const { return "/" + fetch_escape(member(state, "video")); }
  static std::string fetch_escape(const std::string& id) {
    return fetch::form({{"", id}}).substr(1);
  }
  // The secret is "CLIENTTOKEN" or "CLIENTTOKEN APPSECRET": the first for the device flow, the
  // second to exchange tokens.
  static std::string app_token(const Login& login) {
    const std::string both = revealed(login.client_secret);
    return login.client_id + "|" + both.substr(0, both.find(' '));
  }
  static std::string app_secret(const Login& login) {
    const std::string both = revealed(login.client_secret);
    const size_t space = both.find(' ');
    return space == std::string::npos ? both : both.substr(space + 1);
  }
};

}  // namespace

const Platform* facebook() {
  static const Facebook platform;
  return &platform;
}

}  // namespace stream::logins

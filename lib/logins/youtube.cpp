// YouTube Live Streaming API v3; OAuth by device code or by a browser on this machine.
#include <chrono>
#include <thread>

#include "base/error.h"
#include "base/time.h"
#include "crypto/strict_json.h"
#include "logins/api.h"
#include "logins/platforms.h"

namespace stream::logins {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr const char* kScope = "https://www.googleapis.com/auth/youtube";
constexpr const char* kStreamTitle = "stream-tools";
constexpr milliseconds kPoll{2000};

class YouTube : public Platform {
 public:
  const char* name() const override { return "youtube"; }
  std::string api_root() const override { return "https://www.googleapis.com/youtube/v3"; }
  bool has_browser_login() const override { return true; }

  DeviceAnswer start_device(const Login& login) const override {
    const auto r = post_form(issuer(login, "/device/code"),
                             {{"client_id", login.client_id}, {"scope", kScope}});
    return read_device_answer(r.status, r.body);
  }
  TokenAnswer poll_device(const Login& login, const Secret& code) const override {
    return token(login, {{"device_code", revealed(code)},
                         {"grant_type", "urn:ietf:params:oauth:grant-type:device_code"}});
  }
  std::string browser_url(const Login& login, const std::string& redirect, const Pkce& pkce,
                          const std::string& state) const override {
    // offline and consent: only then does a refresh token come, each time.
    return at_root("https://accounts.google.com/o/oauth2/v2/auth", login.auth_root) + "?" +
           fetch::form({{"client_id", login.client_id},
                        {"redirect_uri", redirect},
                        {"response_type", "code"},
                        {"scope", kScope},
                        {"code_challenge", pkce.challenge},
                        {"code_challenge_method", "S256"},
                        {"state", state},
                        {"access_type", "offline"},
                        {"prompt", "consent"}});
  }
  TokenAnswer exchange_code(const Login& login, const Secret& code, const std::string& redirect,
                            const Pkce& pkce) const override {
    return token(login, {{"code", revealed(code)},
                         {"code_verifier", revealed(pkce.verifier)},
                         {"redirect_uri", redirect},
                         {"grant_type", "authorization_code"}});
  }
  TokenAnswer refresh(const Login& login) const override {
    return token(login,
                 {{"refresh_token", revealed(login.refresh)}, {"grant_type", "refresh_token"}});
  }
  void revoke(const Login& login) const override {
    const Secret& token = login.refresh.empty() ? login.access : login.refresh;
    post_form(issuer(login, "/revoke"), {{"token", revealed(token)}});
  }

  Endpoint make_endpoint(Api& api, const Wanted& wanted) const override {
    const std::string start = wanted.at.empty() ? rfc3339(wall_now()) : wanted.at;
    const json broadcast = api.need(
        "POST", "/liveBroadcasts?part=id,snippet,status,contentDetails",
        json{{"snippet", {{"title", wanted.title}, {"scheduledStartTime", start}}},
             {"status", {{"privacyStatus", wanted.privacy}, {"selfDeclaredMadeForKids", false}}},
             {"contentDetails",
              {{"enableAutoStart", false},
               {"enableAutoStop", false},
               {"monitorStream", {{"enableMonitorStream", false}}}}}});
    const std::string id = member(broadcast, "id");
    const json stream = permanent_stream(api);
    const std::string stream_id = member(stream, "id");
    api.need("POST",
             "/liveBroadcasts/bind?part=id,contentDetails&" +
                 fetch::form({{"id", id}, {"streamId", stream_id}}),
             json::object());
    const json ingestion = stream.at("cdn").at("ingestionInfo");
    const std::string key = member(ingestion, "streamName");
    Endpoint endpoint;
    endpoint.url = Secret(member(ingestion, "rtmpsIngestionAddress") + "/" + key);
    if (const auto backup = crypto::text_member(ingestion, "rtmpsBackupIngestionAddress"))
      endpoint.others.emplace_back("backup", Secret(*backup + "/" + key));
    endpoint.state = {{"broadcast", id},
                      {"stream", stream_id},
                      {"watch", "https://www.youtube.com/watch?v=" + id}};
    return endpoint;
  }

  std::string go_live(Api& api, const json& state, milliseconds patience) const override {
    const auto limit = std::chrono::steady_clock::now() + patience;
    std::string seen = "created";
    while (seen != "active") {
      seen = stream_status(api, state).value("streamStatus", "");
      if (seen == "active") break;
      if (std::chrono::steady_clock::now() + kPoll > limit)
        throw Error(Exit::kTimeout, "platform.waiting",
                    "youtube receives no media yet (stream is " + seen + ")",
                    "start sending to the endpoint first, or raise --timeout");
      std::this_thread::sleep_for(kPoll);
    }
    transition(api, state, "live", limit);
    return "live at " + member(state, "watch");
  }

  std::string end(Api& api, const json& state) const override {
    transition(api, state, "complete", std::chrono::steady_clock::now() + milliseconds(20'000));
    return "the broadcast is complete";
  }

  nlohmann::ordered_json status(Api& api, const json& state) const override {
    const json found = api.need(
        "GET", "/liveBroadcasts?part=status&" + fetch::form({{"id", member(state, "broadcast")}}));
    const json stream = stream_status(api, state);
    return {{"state", item(found).at("status").value("lifeCycleStatus", "")},
            {"stream", stream.value("streamStatus", "")},
            {"health", stream.value("healthStatus", json::object()).value("status", "")},
            {"watch", state.value("watch", "")}};
  }

 private:
  static std::string issuer(const Login& login, const char* path) {
    return at_root(std::string("https://oauth2.googleapis.com") + path, login.auth_root);
  }
  static TokenAnswer token(const Login& login, fetch::Fields fields) {
    fields.emplace_back("client_id", login.client_id);
    // Google wants it of installed programs too, where it is no secret.
    if (!login.client_secret.empty())
      fields.emplace_back("client_secret", revealed(login.client_secret));
    const auto r = post_form(issuer(login, "/token"), fields);
    return read_token_answer(r.status, r.body);
  }
  static json item(const json& list) {
    if (!list.contains("items") || !list["items"].is_array() || list["items"].empty())
      throw Error(Exit::kRefused, "platform.gone", "youtube knows the broadcast no more",
                  "make a new one: stream-keys endpoint youtube --title TITLE");
    return list["items"][0];
  }
  // The account's own reusable stream, whose key stays the same; not one per broadcast.
  static json permanent_stream(Api& api) {
    const json mine = api.need("GET", "/liveStreams?part=id,snippet,cdn&mine=true&maxResults=50");
    for (const json& stream : mine.value("items", json::array()))
      if (stream.value("snippet", json::object()).value("title", "") == kStreamTitle) return stream;
    return api.need(
        "POST", "/liveStreams?part=id,snippet,cdn,contentDetails",
        json{{"snippet", {{"title", kStreamTitle}}},
             {"cdn",
              {{"frameRate", "variable"}, {"ingestionType", "rtmp"}, {"resolution", "variable"}}},
             {"contentDetails", {{"isReusable", true}}}});
  }
  json stream_status(Api& api, const json& state) const {
    return item(api.need("GET", "/liveStreams?part=status&" +
                                    fetch::form({{"id", member(state, "stream")}})))
        .at("status");
  }
  // invalidTransition and errorExecutingTransition pass with some seconds; redundant means done.
  void transition(Api& api, const json& state, const char* to,
                  std::chrono::steady_clock::time_point limit) const {
    for (;;) {
      const Answer answer = api.call(
          "POST", "/liveBroadcasts/transition?part=status&" +
                      fetch::form({{"id", member(state, "broadcast")}, {"broadcastStatus", to}}));
      const std::string why = answer.ok() ? "" : Api::reason(answer.body);
      if (answer.ok() || why == "redundantTransition") return;
      const bool passing = why == "invalidTransition" || why == "errorExecutingTransition" ||
                           why == "errorStreamInactive";
      if (!passing || std::chrono::steady_clock::now() + kPoll > limit)
        api.fail(std::string("transition to ") + to, answer);
      std::this_thread::sleep_for(kPoll);
    }
  }
};

}  // namespace

const Platform* youtube() {
  static const YouTube platform;
  return &platform;
}

}  // namespace stream::logins

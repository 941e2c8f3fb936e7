// Cloudflare Stream: a static API token of one account; live inputs with RTMPS, SRT and WHIP
// addresses.
#include "base/error.h"
#include "crypto/strict_json.h"
#include "logins/api.h"
#include "logins/platforms.h"

namespace stream::logins {
namespace {

using nlohmann::json;

std::string joined(const std::string& url, const std::string& key) {
  return url + (url.ends_with('/') ? "" : "/") + key;
}

class Cloudflare : public Platform {
 public:
  const char* name() const override { return "cloudflare"; }
  std::string api_root() const override { return "https://api.cloudflare.com/client/v4"; }

  Endpoint make_endpoint(Api& api, const Wanted& wanted) const override {
    const json input = result(api, api.call("POST", inputs(api),
                                            json{{"meta", {{"name", wanted.title}}},
                                                 {"recording", {{"mode", "automatic"}}}}));
    Endpoint endpoint;
    const json rtmps = input.value("rtmps", json::object());
    endpoint.url = Secret(joined(member(rtmps, "url"), member(rtmps, "streamKey")));
    const json srt = input.value("srt", json::object());
    if (srt.contains("url"))
      endpoint.others.emplace_back(
          "srt", Secret(member(srt, "url") + "?" +
                        fetch::form({{"streamid", member(srt, "streamId")},
                                     {"passphrase", member(srt, "passphrase")}})));
    const json whip = input.value("webRTC", json::object());
    if (whip.contains("url")) endpoint.others.emplace_back("whip", Secret(member(whip, "url")));
    endpoint.state = {{"input", member(input, "uid")}};
    const auto playback = crypto::text_member(input.value("webRTCPlayback", json::object()), "url");
    if (playback) endpoint.state["playback"] = *playback;
    return endpoint;
  }
  std::string go_live(Api& api, const json& state, std::chrono::milliseconds) const override {
    result(api, api.call("PUT", input(api, state), json{{"enabled", true}}));
    return "the live input takes media and is live with the first";
  }
  std::string end(Api& api, const json& state) const override {
    result(api, api.call("PUT", input(api, state), json{{"enabled", false}}));
    return "the live input takes no media any more";
  }
  nlohmann::ordered_json status(Api& api, const json& state) const override {
    const json found = result(api, api.call("GET", input(api, state)));
    const json status = found.value("status", json());
    const json current =
        status.is_object() ? status.value("current", json::object()) : json::object();
    return {{"state", current.value("state", "idle")}, {"enabled", found.value("enabled", true)}};
  }

 private:
  // {"success": bool, "errors": [...], "result": {...}}
  static json result(const Api& api, const Answer& answer) {
    if (!answer.ok() || !answer.body.value("success", false)) api.fail("live input", answer);
    return answer.body.value("result", json::object());
  }
  static std::string inputs(const Api& api) {
    return "/accounts/" + api.login().target + "/stream/live_inputs";
  }
  std::string input(const Api& api, const json& state) const {
    return inputs(api) + "/" + member(state, "input");
  }
};

}  // namespace

const Platform* cloudflare() {
  static const Cloudflare platform;
  return &platform;
}

}  // namespace stream::logins

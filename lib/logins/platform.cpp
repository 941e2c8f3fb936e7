#include "logins/platform.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "base/url.h"
#include "crypto/strict_json.h"
#include "logins/platforms.h"

namespace stream::logins {

std::string at_root(const std::string& url, const std::string& root) {
  if (root.empty()) return url;
  const size_t host = url.find("://") + 3;
  const size_t path = std::min(url.find('/', host), url.size());
  return root + url.substr(path);
}

fetch::Response post_form(const std::string& url, const fetch::Fields& fields) {
  fetch::Request request;
  request.method = "POST";
  request.url = url;
  request.headers = {"Content-Type: application/x-www-form-urlencoded", "Accept: application/json"};
  request.body = Secret(fetch::form(fields));
  return fetch::send(request);
}

DeviceAnswer Platform::start_device(const Login&) const {
  return {};
}
TokenAnswer Platform::poll_device(const Login&, const Secret&) const {
  return {};
}
std::string Platform::browser_url(const Login&, const std::string&, const Pkce&,
                                  const std::string&) const {
  return {};
}
TokenAnswer Platform::exchange_code(const Login&, const Secret&, const std::string&,
                                    const Pkce&) const {
  return {};
}
TokenAnswer Platform::refresh(const Login&) const {
  return {};
}
void Platform::complete(Login&) const {}
void Platform::revoke(const Login&) const {}

std::string Platform::member(const nlohmann::json& object, const char* key) const {
  const auto value = crypto::text_member(object, key);
  if (!value)
    throw Error(Exit::kNetwork, "platform.answer", std::string(name()) + "'s answer lacks " + key,
                "try again later");
  return *value;
}

std::vector<std::string> platform_names() {
  return {"youtube", "twitch", "facebook", "cloudflare"};
}

const Platform& platform(const std::string& name) {
  for (const Platform* p : {youtube(), twitch(), facebook(), cloudflare()})
    if (p->name() == name) return *p;
  throw Error(Exit::kUsage, "platform.unknown",
              "'" + escaped(name, 40) + "' is no platform known here",
              "known are youtube, twitch, facebook, cloudflare");
}

}  // namespace stream::logins

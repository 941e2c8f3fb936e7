// What differs between YouTube, Twitch, Facebook and Cloudflare: addresses, spellings, and the
// steps of a broadcast. Calls block; each throws Error with the platform's own reason.
#pragma once
#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "fetch/client.h"
#include "logins/login.h"

namespace stream::logins {

// What `endpoint` asks for.
struct Wanted {
  std::string title, privacy = "private", target;
  std::string at;  // RFC 3339 UTC; empty: now
};

// What it gives: addresses with keys, to be vault entries, and what the other verbs need to know.
struct Endpoint {
  Secret url;                                          // RTMPS with the key
  std::vector<std::pair<std::string, Secret>> others;  // "srt", "whip", "backup"
  nlohmann::json state;                                // ids; no secret
};

class Api;

class Platform {
 public:
  virtual ~Platform() = default;
  virtual const char* name() const = 0;
  virtual std::string auth_root() const { return {}; }
  virtual std::string api_root() const = 0;
  // Whether a browser on this machine (PKCE) can log in.
  virtual bool has_browser_login() const { return false; }

  // The steps of a login; `root` replaces scheme and host of the issuer's addresses when not empty.
  virtual DeviceAnswer start_device(const Login& login) const;
  virtual TokenAnswer poll_device(const Login& login, const Secret& device_code) const;
  virtual std::string browser_url(const Login& login, const std::string& redirect, const Pkce& pkce,
                                  const std::string& state) const;
  virtual TokenAnswer exchange_code(const Login& login, const Secret& code,
                                    const std::string& redirect, const Pkce& pkce) const;
  virtual TokenAnswer refresh(const Login& login) const;
  // Makes the tokens as long-lived as the platform allows, and finds out the target if that is
  // needed.
  virtual void complete(Login& login) const;
  virtual void revoke(const Login& login) const;

  virtual Endpoint make_endpoint(Api& api, const Wanted& wanted) const = 0;
  // Each returns one line for people. `patience`: how long to wait for the media to arrive.
  virtual std::string go_live(Api& api, const nlohmann::json& state,
                              std::chrono::milliseconds patience) const = 0;
  virtual std::string end(Api& api, const nlohmann::json& state) const = 0;
  // {"state": ..., ...} in the platform's own words.
  virtual nlohmann::ordered_json status(Api& api, const nlohmann::json& state) const = 0;

 protected:
  // Throws Error kNetwork "platform.answer" when it is missing or no text.
  std::string member(const nlohmann::json& object, const char* key) const;
};

// Throws Error kUsage "platform.unknown".
const Platform& platform(const std::string& name);
std::vector<std::string> platform_names();

// `url` with its scheme and host replaced by those of `root`, unless that is empty.
std::string at_root(const std::string& url, const std::string& root);
// POST of a form to an issuer; the answer as it came.
fetch::Response post_form(const std::string& url, const fetch::Fields& fields);

}  // namespace stream::logins

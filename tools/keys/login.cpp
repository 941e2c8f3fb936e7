// login, logout, refresh: the logins at platforms.
#include "logins/login.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/log.h"
#include "base/text.h"
#include "base/url.h"
#include "cli/secret_source.h"
#include "crypto/encoding.h"
#include "keys/key_line.h"
#include "logins/loopback.h"
#include "logins/platform.h"
#include "platform_verbs.h"

namespace stream::tools {
namespace {

using Json = nlohmann::ordered_json;
using logins::Outcome;
using std::chrono::seconds;

struct LoginOptions : LoginChoice {
  std::string client_id, client_secret, api_token, target, auth_root, api_root;
  bool browser = false;
  Duration timeout{std::chrono::minutes(15)};
};

void check_root(const std::string& root) {
  const auto url = parse_url(root);
  if (!root.empty() &&
      (!url || (url->path.size() > 0) || (url->scheme != "https" && !is_loopback_host(url->host))))
    throw Error(Exit::kUsage, "login.root", "'" + escaped(root, 80) + "' is no root of an API",
                "write https://HOST without a path; http is for this machine only");
}

[[noreturn]] void throw_refused(const std::string& platform, const std::string& reason,
                                bool later) {
  throw Error(later ? Exit::kNetwork : Exit::kRefused, later ? "login.issuer" : "login.refused",
              platform + " refused the login: " + reason,
              later ? "try again later" : "check --client-id and --client-secret, and allow it");
}

// RFC 8628 3.4 and 3.5: the user types a code elsewhere, we ask until they have.
logins::TokenAnswer device_login(const cli::Context&, const logins::Platform& platform,
                                 const logins::Login& login, Duration timeout) {
  const logins::DeviceAnswer device = platform.start_device(login);
  if (!device.ok) throw_refused(platform.name(), device.reason, false);
  cli::write_stderr("open " + device.verification_uri + "\nand enter the code " + device.user_code +
                    "\n");
  auto interval = seconds(device.interval);
  const auto end = std::chrono::steady_clock::now() +
                   std::min<std::chrono::nanoseconds>(seconds(device.expires_in), timeout.value);
  for (;;) {
    if (std::chrono::steady_clock::now() + interval > end)
      throw Error(Exit::kTimeout, "login.timeout", "the code was not entered in time",
                  "run the command again");
    std::this_thread::sleep_for(interval);
    logins::TokenAnswer answer = platform.poll_device(login, device.device_code);
    switch (answer.outcome) {
      case Outcome::kOk:
        return answer;
      case Outcome::kPending:
        break;
      case Outcome::kSlowDown:
        interval += seconds(5);
        break;
      case Outcome::kTemporary:
        interval = std::min(interval * 2 + seconds(1), seconds(60));
        break;
      default:
        throw_refused(platform.name(), answer.reason, false);
    }
  }
}

logins::TokenAnswer browser_login(const logins::Platform& platform, const logins::Login& login,
                                  Duration timeout) {
  logins::Loopback loopback;
  const logins::Pkce pkce = logins::make_pkce();
  const std::string state = crypto::base64url(crypto::random_bytes(24));
  cli::write_stderr("open in a browser on this machine:\n" +
                    platform.browser_url(login, loopback.redirect_uri(), pkce, state) + "\n");
  const Secret code = loopback.wait_for_code(
      state, std::chrono::duration_cast<std::chrono::milliseconds>(timeout.value));
  return platform.exchange_code(login, code, loopback.redirect_uri(), pkce);
}

int login(const cli::Context& context, const LoginOptions& o) {
  const logins::Platform& platform = logins::platform(o.platform);
  check_root(o.auth_root);
  check_root(o.api_root);
  vault::Vault vault = o.open();  // first: a login that can't be kept is no login
  logins::Login login;
  login.platform = o.platform;
  login.account = o.account;
  login.client_id = o.client_id;
  login.auth_root = o.auth_root;
  login.api_root = o.api_root;
  login.target = o.target;
  static_cast<void>(logins::entry_name(o.platform, o.account));
  if (!o.client_secret.empty()) login.client_secret = cli::read_secret(o.client_secret);
  if (o.platform == "cloudflare") {
    if (o.api_token.empty() || o.target.empty())
      throw Error(Exit::kUsage, "usage.missing", "cloudflare wants --api-token and --target",
                  "make a token with the permission Stream:Edit; --target is the account's id");
    login.access = cli::read_secret(o.api_token);
    login.issued = now_ms();
  } else {
    if (o.client_id.empty())
      throw Error(Exit::kUsage, "usage.missing", "--client-id is missing",
                  "register an application at " + o.platform + " and give its client id");
    if (o.browser && !platform.has_browser_login())
      throw Error(Exit::kUsage, "login.browser", o.platform + " has no browser login here",
                  "leave --browser out: a code is shown instead");
    const logins::TokenAnswer answer = o.browser
                                           ? browser_login(platform, login, o.timeout)
                                           : device_login(context, platform, login, o.timeout);
    if (answer.outcome != Outcome::kOk)
      throw_refused(o.platform, answer.reason, answer.outcome == Outcome::kTemporary);
    logins::apply(answer, now_ms(), login);
    platform.complete(login);
  }
  logins::save(vault, login);
  print_login(context, login);
  context.confirm("logged in at " + o.platform + " as '" + o.account + "'");
  return 0;
}

struct LogoutOptions : LoginChoice {};

int logout(const cli::Context& context, const LogoutOptions& o) {
  vault::Vault vault = o.open();
  const logins::Login login = logins::load(vault, o.platform, o.account);
  logins::platform(o.platform).revoke(login);
  vault.remove(logins::entry_name(o.platform, o.account));
  context.confirm("logged out at " + o.platform + " as '" + o.account + "'");
  return 0;
}

}  // namespace

void LoginChoice::declare(cli::Command& command) {
  command.positional("PLATFORM", platform, "which platform").choices(logins::platform_names());
  command.option("--account", account, "NAME", "your name for the login, if there are several");
  VaultOptions::declare(command);
}

void print_login(const cli::Context& context, const logins::Login& login) {
  if (!context.json()) return;
  context.print(
      Json{{"schema", "stream.login/1"},
           {"platform", login.platform},
           {"account", login.account},
           {"expires", login.expires == 0 ? Json(nullptr) : Json(keys::time_text(login.expires))}}
          .dump() +
      "\n");
}

cli::Command login_command() {
  auto o = std::make_shared<LoginOptions>();
  cli::Command command("login", "log in at a platform; the tokens go to the vault");
  command.description(
      "Shows an address and a code to enter there, from any device. With --browser the platform "
      "sends a browser on this machine back instead. Cloudflare has neither: it takes an API "
      "token.");
  o->LoginChoice::declare(command);
  command.option("--client-id", o->client_id, "ID", "the id of your application at the platform");
  command.option(
      "--client-secret", o->client_secret, "SOURCE",
      "its secret if it has one; for facebook the client token, a space and the app secret");
  command.option("--api-token", o->api_token, "SOURCE",
                 "cloudflare: a token that may edit streams");
  command.option("--target", o->target, "ID", "cloudflare: the account's id");
  command.flag("--browser", o->browser, "log in by a browser on this machine");
  command.option("--timeout", o->timeout, "TIME", "how long to wait for you");
  command.option("--auth-root", o->auth_root, "URL", "another server for logins");
  command.option("--api-root", o->api_root, "URL", "another server for the API");
  command.run([o](cli::Context& context) { return login(context, *o); });
  return command;
}

cli::Command logout_command() {
  auto o = std::make_shared<LogoutOptions>();
  cli::Command command("logout", "revoke a login and remove it from the vault");
  o->declare(command);
  command.run([o](cli::Context& context) { return logout(context, *o); });
  return command;
}

cli::Command refresh_command() {
  auto o = std::make_shared<LogoutOptions>();
  cli::Command command("refresh", "renew a login if its token ends soon");
  command.description(
      "Other verbs do this by themselves. Run by a timer it keeps logins alive that nothing uses.");
  o->declare(command);
  command.run([o](cli::Context& context) {
    vault::Vault vault = o->open();
    logins::Login login = logins::load(vault, o->platform, o->account);
    logins::renew(vault, login);
    print_login(context, login);
    context.confirm("the login '" + o->account + "' at " + o->platform + " is good");
    return 0;
  });
  return command;
}

}  // namespace stream::tools

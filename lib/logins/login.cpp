#include "logins/login.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/error.h"
#include "base/log.h"
#include "base/time.h"
#include "crypto/strict_json.h"
#include "logins/platform.h"
#include "os/file_lock.h"

namespace stream::logins {
namespace {

using Json = nlohmann::ordered_json;
constexpr std::chrono::seconds kLockPatience{90};
constexpr int kTries = 3;

// Facebook has no refresh tokens: what is renewed there is a new login, known long before.
uint64_t end_of(const Login& login) {
  return login.refresh.empty() ? static_cast<uint64_t>(login.expires) : 0;
}

[[noreturn]] void throw_invalid(const Login& login, const std::string& reason) {
  throw Error(
      Exit::kRefused, "login.invalid",
      login.platform + " does not accept the login '" + login.account + "' any more: " + reason,
      "log in again: stream-keys login " + login.platform + " --account " + login.account);
}

}  // namespace

bool Login::is_due(int64_t now) const {
  return expires != 0 && now >= issued + (expires - issued) / 5 * 4;
}

bool Login::is_expired(int64_t now) const {
  return expires != 0 && now >= expires;
}

std::string entry_name(const std::string& platform, const std::string& account) {
  const std::string name = "login." + platform + "." + account;
  vault::check_entry_name(name);
  return name;
}

void save(vault::Vault& vault, const Login& login) {
  const Json document{{"schema", "stream.login/1"},
                      {"platform", login.platform},
                      {"account", login.account},
                      {"client_id", login.client_id},
                      {"client_secret", revealed(login.client_secret)},
                      {"access_token", revealed(login.access)},
                      {"refresh_token", revealed(login.refresh)},
                      {"issued", login.issued},
                      {"expires", login.expires},
                      {"auth_root", login.auth_root},
                      {"api_root", login.api_root},
                      {"target", login.target}};
  vault.put(entry_name(login.platform, login.account), vault::Kind::kLogin, Secret(document.dump()),
            end_of(login));
}

Login load(const vault::Vault& vault, const std::string& platform, const std::string& account) {
  const std::string name = entry_name(platform, account);
  const auto value = vault.find(name);
  if (!value)
    throw Error(Exit::kNotAllowed, "login.absent",
                "there is no login '" + account + "' at " + platform,
                "log in first: stream-keys login " + platform +
                    (account == "main" ? "" : " --account " + account));
  const auto document = crypto::strict_json(value->reveal());
  if (!document || crypto::text_member(*document, "schema") != "stream.login/1")
    throw Error(Exit::kConfig, "login.damaged", "the vault entry '" + name + "' is not a login",
                "log in again: stream-keys login " + platform);
  const auto member = [&](const char* key) {
    return crypto::text_member(*document, key).value_or("");
  };
  Login login{platform,
              account,
              member("client_id"),
              Secret(member("client_secret")),
              Secret(member("access_token")),
              Secret(member("refresh_token"))};
  login.issued = crypto::number_member(*document, "issued").value_or(0);
  login.expires = crypto::number_member(*document, "expires").value_or(0);
  login.auth_root = member("auth_root");
  login.api_root = member("api_root");
  login.target = member("target");
  return login;
}

void apply(const TokenAnswer& answer, int64_t now, Login& login) {
  login.access = answer.access;
  if (!answer.refresh.empty()) login.refresh = answer.refresh;
  login.issued = now;
  login.expires = answer.expires_in == 0 ? 0 : now + answer.expires_in * 1000;
}

void renew(vault::Vault& vault, Login& login, const Secret* rejected) {
  const auto good = [&] {
    return rejected ? !(login.access == *rejected) : !login.is_due(unix_ms(wall_now()));
  };
  if (good()) return;
  const os::FileLock lock(vault.path() + "." + entry_name(login.platform, login.account) + ".lock",
                          "the login " + login.account, kLockPatience);
  vault.reload();
  login = load(vault, login.platform, login.account);
  if (good()) return;  // another process was first
  if (login.refresh.empty()) {
    if (rejected || login.is_expired(unix_ms(wall_now()))) throw_invalid(login, "it ended");
    return;  // what can't be renewed counts until its end
  }
  TokenAnswer answer;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    if (attempt > 0) std::this_thread::sleep_for(std::chrono::milliseconds(500 << attempt));
    answer = platform(login.platform).refresh(login);
    if (answer.outcome == Outcome::kOk) {
      apply(answer, unix_ms(wall_now()), login);
      save(vault, login);  // on the disk before anybody uses it
      return;
    }
    if (answer.outcome != Outcome::kTemporary) throw_invalid(login, answer.reason);
  }
  if (!rejected && !login.is_expired(unix_ms(wall_now()))) {
    log::warning(login.platform +
                 " can't be reached to renew the login; the present token counts on");
    return;
  }
  throw Error(Exit::kNetwork, "login.issuer",
              login.platform + " can't be reached to renew the login: " + answer.reason,
              "the login is kept; try again later");
}

}  // namespace stream::logins

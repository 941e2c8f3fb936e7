// One login at a platform, kept in the vault as "login.PLATFORM.ACCOUNT", and its access token,
// renewed before it ends: under a lock, by one process only, written down before it is used. A
// login is never thrown away because an issuer fails.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "base/secret.h"
#include "logins/oauth.h"
#include "vault/vault.h"

namespace stream::logins {

// For a form's field, a header, a document.
inline std::string revealed(const Secret& secret) {
  return std::string(secret.reveal());
}

struct Login {
  std::string platform, account;
  std::string client_id;
  Secret client_secret;  // may be empty
  Secret access, refresh;
  int64_t issued = 0, expires = 0;  // milliseconds since 1970; expires 0: never
  // Other servers than the platform's own, for tests and proxies; may be empty.
  std::string auth_root, api_root;
  std::string target;  // page or account id that the platform wants in addresses

  bool is_due(int64_t now) const;  // 80 % of its life is over
  bool is_expired(int64_t now) const;
};

std::string entry_name(const std::string& platform, const std::string& account);
void save(vault::Vault& vault, const Login& login);
// Throws Error "login.absent" with the command that logs in.
Login load(const vault::Vault& vault, const std::string& platform, const std::string& account);

// Takes over what a token answer of kOk says; keeps the old refresh token when none came.
void apply(const TokenAnswer& answer, int64_t now, Login& login);

// Renews the access token if it is due (or if it is still `rejected`, which the platform refused).
// Exactly one of many processes asks the issuer; the others wait and read its result. Throws Error
// kRefused "login.invalid" when the user must log in again, kNetwork "login.issuer" when the issuer
// can't be reached and the token is over.
void renew(vault::Vault& vault, Login& login, const Secret* rejected = nullptr);

}  // namespace stream::logins

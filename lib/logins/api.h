// Calls of a platform's API in the name of a login: JSON in and out, the token renewed before it
// ends and once more after a 401.
#pragma once
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "logins/login.h"
#include "logins/platform.h"

namespace stream::logins {

struct Answer {
  int status = 0;
  nlohmann::json body;
  bool ok() const { return status >= 200 && status < 300; }
};

class Api {
 public:
  Api(vault::Vault& vault, Login login) : vault_(vault), login_(std::move(login)) {}

  const Login& login() const { return login_; }
  // `path` starts at the platform's api_root(). Throws Error kNetwork "platform.unreachable".
  Answer call(const std::string& method, const std::string& path,
              const std::optional<nlohmann::json>& body = {});
  // As call(), and throws Error "platform.refused" with the reason unless the answer is ok.
  nlohmann::json need(const std::string& method, const std::string& path,
                      const std::optional<nlohmann::json>& body = {});
  // The platform's machine-readable word for what went wrong, else its text.
  static std::string reason(const nlohmann::json& body);
  [[noreturn]] void fail(const std::string& what, const Answer& answer) const;

 private:
  vault::Vault& vault_;
  Login login_;
};

}  // namespace stream::logins

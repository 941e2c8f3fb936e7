// What the verbs about platforms share.
#pragma once
#include <string>

#include "base/time.h"
#include "cli/terminal.h"
#include "logins/login.h"
#include "verbs.h"

namespace stream::tools {

// PLATFORM and --account, and the vault that holds the login.
struct LoginChoice : VaultOptions {
  std::string platform, account = "main";
  void declare(cli::Command& command);
};

// With --json: which login, and when its token ends.
void print_login(const cli::Context& context, const logins::Login& login);

}  // namespace stream::tools

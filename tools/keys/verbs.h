// The verbs of stream-keys, one maker per group, and the options that several of them share. Each
// maker's options live as long as the command.
#pragma once
#include <string>

#include "base/secret.h"
#include "cli/run.h"
#include "vault/unlock.h"
#include "vault/vault.h"

namespace stream::tools {

void add_ingest_verbs(cli::Command& root);  // new, list, show, rotate, revoke, verify
cli::Command vault_command();
cli::Command agent_command();
cli::Command token_command();
cli::Command roles_command();
cli::Command invite_command();
cli::Command doctor_command();
cli::Command login_command();
cli::Command logout_command();
cli::Command refresh_command();
void add_platform_verbs(cli::Command& root);  // the three above, endpoint, go-live, end, status

// --store: the key file.
struct StoreOption {
  std::string store;
  void declare(cli::Command& command);
  std::string path() const;
};

// --vault and --vault-key-file.
struct VaultOptions {
  std::string vault, key_file;
  void declare(cli::Command& command);
  std::string path() const;
  vault::Unlock unlock() const;
  vault::Vault open() const;
};

struct DryRun {
  bool on = false;
  void declare(cli::Command& command);
};

int64_t now_ms();

}  // namespace stream::tools

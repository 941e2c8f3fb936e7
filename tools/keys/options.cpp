#include <chrono>

#include "base/error.h"
#include "base/time.h"
#include "keys/key_file.h"
#include "verbs.h"

namespace stream::tools {

void StoreOption::declare(cli::Command& command) {
  command
      .option("--store", store, "FILE",
              "the key file that stream-ingest --key-file reads, see stream-key-file(5)")
      .shows_default("STATE/ingest-keys")
      .completes(cli::Completion::kFile);
}

std::string StoreOption::path() const {
  return store.empty() ? keys::default_key_file() : store;
}

void VaultOptions::declare(cli::Command& command) {
  command.option("--vault", vault, "FILE", "the vault")
      .shared()
      .shows_default("STATE/vault")
      .completes(cli::Completion::kFile);
  command
      .option("--vault-key-file", key_file, "FILE",
              "file with the vault's key or passphrase; without it the systemd credential "
              "stream-vault, the agent and a question on the terminal are tried")
      .shared()
      .completes(cli::Completion::kFile);
}

std::string VaultOptions::path() const {
  return vault.empty() ? vault::default_path() : vault;
}

vault::Unlock VaultOptions::unlock() const {
  vault::UnlockOptions options;
  options.key_file = key_file;
  return vault::usual_unlock(options);
}

vault::Vault VaultOptions::open() const {
  return vault::Vault(path(), unlock());
}

void DryRun::declare(cli::Command& command) {
  command.flag("-n,--dry-run", on, "only say what would change").command_line_only();
}

int64_t now_ms() {
  return unix_ms(wall_now());
}

}  // namespace stream::tools

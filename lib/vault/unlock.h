// Where the key of a vault comes from, in this order: the file that the caller named,
// $STREAM_VAULT_KEY_FILE, the systemd credential "stream-vault", the agent, a question on the
// terminal. What is found first counts; a wrong key there is an error and not a reason to go on.
#pragma once
#include <string>
#include <string_view>

#include "base/secret.h"
#include "vault/vault.h"

namespace stream::vault {

struct UnlockOptions {
  std::string key_file;
  bool use_agent = true;
  bool may_ask = true;
};

// Throws Error kNotAllowed "vault.locked" that names the ways when none is there.
Unlock usual_unlock(UnlockOptions options = {});
// From this text: the content of a key file, or a passphrase.
Unlock unlock_with(Secret text);

// What a key file holds: 64 hexadecimal digits. nullopt for anything else.
std::optional<crypto::LockedBytes> parse_key_text(std::string_view text);
// A fresh key as the text of a key file, without a newline.
Secret fresh_key_text();
// Reads a file that only its owner may read, without its final newline. At most 64 KiB.
Secret read_key_file(const std::string& path);
// Asks on /dev/tty without echo. Throws Error kNotAllowed "terminal.absent" without a terminal,
// kInterrupted "interrupted" on Ctrl-C.
Secret ask_secret(const std::string& question);
bool has_terminal();

// The one door for programs: the value of NAME in the usual vault, unlocked in the usual way.
Secret read_value(const std::string& name);

}  // namespace stream::vault

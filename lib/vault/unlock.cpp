#include "vault/unlock.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/error.h"
#include "crypto/encoding.h"
#include "os/fd.h"
#include "os/private_file.h"
#include "vault/agent_client.h"
#include "vault/terminal.h"

namespace stream::vault {
namespace {

constexpr size_t kMaxKeyFile = 64 * 1024;

crypto::LockedBytes root_from(const Secret& text, const Header& header, const std::string& path) {
  if (header.source == KeySource::kPassphrase)
    return crypto::key_from_password(text.reveal(), header.salt, header.cost);
  auto key = parse_key_text(text.reveal());
  if (!key)
    throw Error(Exit::kNotAllowed, "vault.key",
                "what was given for " + path + " is not a key (64 hexadecimal digits)",
                "name the file that stream-keys vault init --key-file wrote");
  return *std::move(key);
}

std::string credential_file() {
  const char* dir = std::getenv("CREDENTIALS_DIRECTORY");
  if (!dir || !*dir) return {};
  const std::string path = std::string(dir) + "/stream-vault";
  return ::access(path.c_str(), R_OK) == 0 ? path : std::string();
}

std::string key_file_by_environment() {
  if (const char* path = std::getenv("STREAM_VAULT_KEY_FILE"); path && *path) return path;
  return credential_file();
}

}  // namespace

std::optional<crypto::LockedBytes> parse_key_text(std::string_view text) {
  auto bytes = crypto::from_hex(text);
  if (!bytes || bytes->size() != crypto::kSealKey) return std::nullopt;
  auto key = crypto::LockedBytes::copy(*bytes);
  explicit_bzero(bytes->data(), bytes->size());
  return key;
}

Secret fresh_key_text() {
  crypto::LockedBytes key(crypto::kSealKey);
  crypto::fill_random({key.data(), key.size()});
  return Secret(crypto::hex(key.view()));
}

Secret read_key_file(const std::string& path) {
  // systemd gives credentials by its own rules: of root, 0400 or 0440, in a directory it guards.
  const bool credential = path == credential_file();
  const os::Fd fd =
      credential ? os::Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) : os::open_private(path);
  if (!fd) throw_errno("open", path, errno);
  std::string text(kMaxKeyFile + 1, '\0');
  size_t size = 0;
  for (ssize_t n; (n = ::read(fd.get(), text.data() + size, text.size() - size)) != 0;) {
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_errno("read", path, errno);
    size += static_cast<size_t>(n);
    if (size > kMaxKeyFile)
      throw Error(Exit::kConfig, "vault.key", path + " is too large for a key", "");
  }
  text.resize(size);
  if (!text.empty() && text.back() == '\n') text.pop_back();
  Secret secret(text);
  explicit_bzero(text.data(), text.size());
  if (secret.empty()) throw Error(Exit::kConfig, "vault.key", path + " is empty", "");
  return secret;
}

Secret ask_secret(const std::string& question) {
  Terminal terminal;
  return terminal.ask(question);
}

bool has_terminal() {
  const os::Fd fd(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  return static_cast<bool>(fd);
}

Unlock unlock_with(Secret text) {
  return [text = std::move(text)](const Header& header, const std::string& path) {
    return root_from(text, header, path);
  };
}

Unlock usual_unlock(UnlockOptions options) {
  return [options = std::move(options)](const Header& header, const std::string& path) {
    const std::string file =
        options.key_file.empty() ? key_file_by_environment() : options.key_file;
    if (!file.empty()) return root_from(read_key_file(file), header, path);
    if (options.use_agent)
      if (auto root = ask_agent(header)) return *std::move(root);
    if (options.may_ask && header.source == KeySource::kPassphrase && has_terminal())
      return root_from(ask_secret("Passphrase for " + path + ": "), header, path);
    throw Error(Exit::kNotAllowed, "vault.locked", "nothing here opens " + path,
                header.source == KeySource::kPassphrase
                    ? "start stream-keys agent, or put the passphrase in a file of mode 0600 and "
                      "set STREAM_VAULT_KEY_FILE"
                    : "set STREAM_VAULT_KEY_FILE to its key file, or pass the systemd credential "
                      "stream-vault");
  };
}

Secret read_value(const std::string& name) {
  check_entry_name(name);
  Secret value = Vault(default_path(), usual_unlock()).get(name);
  mark_used(default_path(), name);
  return value;
}

}  // namespace stream::vault

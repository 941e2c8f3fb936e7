// doctor: looks for what weakens the secrets or will fail soon. Needs no key: it opens nothing.
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/units.h"
#include "doctor/finding.h"
#include "keys/key_book.h"
#include "os/private_file.h"
#include "vault/agent_client.h"
#include "vault_verbs.h"
#include "verbs.h"

namespace stream::tools {
namespace {

using Json = nlohmann::ordered_json;
using doctor::Findings;
using doctor::State;

struct DoctorOptions : VaultOptions, StoreOption {
  Duration within{std::chrono::hours(24 * 7)}, unused{std::chrono::hours(24 * 90)};
};

int64_t milliseconds(Duration duration) {
  return duration.value.count() / 1'000'000;
}

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

class Doctor {
 public:
  explicit Doctor(const DoctorOptions& options) : o_(options), now_(now_ms()) {}

  const Findings& examine() {
    examine_memory();
    if (exists(o_.VaultOptions::path())) examine_vault();
    const char* named = std::getenv("STREAM_VAULT_KEY_FILE");
    const std::string key_file = o_.key_file.empty() ? (named ? named : "") : o_.key_file;
    if (!key_file.empty()) examine_file("vault.key-file", key_file);
    if (exists(o_.StoreOption::path())) examine_keys();
    examine_agent();
    return findings_;
  }

 private:
  void add(std::string check, State state, std::string evidence, std::string remedy = {}) {
    findings_.push_back({std::move(check), state, std::move(evidence), std::move(remedy)});
  }

  void examine_memory() {
    rlimit limit{};
    ::getrlimit(RLIMIT_MEMLOCK, &limit);
    if (::geteuid() != 0 && limit.rlim_cur < 64 * 1024)
      add("memory.lock", State::kWarn,
          "only " + to_text(ByteSize{limit.rlim_cur}) + " may be locked",
          "raise it: ulimit -l 1024, or LimitMEMLOCK=1M");
    else
      add("memory.lock", State::kOk, "keys can be kept out of swap");
  }

  bool examine_file(const std::string& check, const std::string& path) {
    try {
      os::open_private(path);
      add(check, State::kOk, path + " is closed to others");
      return true;
    } catch (const Error& error) {
      add(check, State::kFail, error.what(), error.hint());
      return false;
    }
  }

  void examine_vault() {
    const std::string path = o_.VaultOptions::path();
    if (!examine_file("vault.file", path)) return;
    try {
      const vault::Header header = vault::read_header(path);
      if (header.source == vault::KeySource::kPassphrase && crypto::is_weak(header.cost))
        add("vault.cost", State::kWarn,
            "a try of the passphrase costs " + std::to_string(header.cost.memory_kib / 1024) +
                " MiB in " + std::to_string(header.cost.passes) + " passes only",
            "make it dearer: stream-keys vault rekey");
      else
        add("vault.cost", State::kOk, "the key is hard to guess");
      for (const vault::Listed& entry : vault::list(path)) examine_entry(path, entry);
    } catch (const Error& error) {
      add("vault.content", State::kFail, error.what(), error.hint());
    }
  }

  void examine_entry(const std::string& path, const vault::Listed& entry) {
    const auto expires = static_cast<int64_t>(entry.expires);
    if (expires != 0 && expires < now_ + milliseconds(o_.within))
      add("vault.expiry", expires < now_ ? State::kFail : State::kWarn,
          entry.name + (expires < now_ ? " expired " : " expires ") + time_text(expires),
          entry.kind == vault::Kind::kLogin ? "log in again: stream-keys login"
                                            : "replace it: stream-keys vault put " + entry.name);
    const int64_t used = vault::last_used(path, entry.name).value_or(0);
    const int64_t touched = std::max<int64_t>(used, static_cast<int64_t>(entry.updated));
    if (touched < now_ - milliseconds(o_.unused))
      add("vault.unused", State::kWarn,
          entry.name + " has not been used since " + time_text(touched),
          "remove it: stream-keys vault rm " + entry.name);
  }

  void examine_keys() {
    const std::string path = o_.StoreOption::path();
    if (!examine_file("keys.file", path)) return;
    size_t active = 0;
    try {
      keys::KeyBook(path).each([&](const keys::Credential& credential) {
        const keys::Key& key = credential.key;
        if (key.revoked || (key.expires && *key.expires < now_)) return;
        ++active;
        if (key.expires && *key.expires < now_ + milliseconds(o_.within))
          add("keys.expiry", State::kWarn,
              key.id + " of " + key.stream + " expires " + time_text(*key.expires),
              "issue another: stream-keys new " + key.stream);
      });
      add("keys.content", State::kOk, std::to_string(active) + " keys let publishers in");
    } catch (const Error& error) {
      add("keys.content", State::kFail, error.what(), error.hint());
    }
  }

  void examine_agent() {
    struct stat st {};
    const std::string path = vault::agent_path();
    if (::lstat(path.c_str(), &st) != 0) return;
    if (!S_ISSOCK(st.st_mode) || (st.st_mode & 077) != 0 || st.st_uid != ::geteuid())
      add("agent.socket", State::kFail, path + " is not a socket of this user alone",
          "remove it and start stream-keys agent again");
    else
      add("agent.socket", State::kOk, path + " answers this user alone");
  }

  const DoctorOptions& o_;
  const int64_t now_;
  Findings findings_;
};

int doctor(const cli::Context& context, const DoctorOptions& o) {
  Doctor doctor(o);
  const Findings& findings = doctor.examine();
  context.print(
      context.json()
          ? Json{{"schema", "stream.keys.doctor/1"}, {"checks", to_json(findings)}}.dump() + "\n"
          : doctor::to_text(findings));
  return any_failed(findings) ? 1 : 0;
}

}  // namespace

cli::Command doctor_command() {
  auto o = std::make_shared<DoctorOptions>();
  cli::Command command("doctor", "look for what weakens secrets or expires soon");
  command.description(
      "Prints one check per line: ok, warn or fail, what was seen and what to do. The exit code is "
      "1 "
      "when a check failed. Nothing is unlocked for it.");
  command.option("--within", o->within, "TIME", "warn of what expires within this");
  command.option("--unused", o->unused, "TIME", "warn of entries that were not used for this long");
  o->VaultOptions::declare(command);
  o->StoreOption::declare(command);
  command.run(cli::predicate([o](cli::Context& context) { return doctor(context, *o); }));
  return command;
}

}  // namespace stream::tools

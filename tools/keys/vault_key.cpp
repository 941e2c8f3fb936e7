// vault init, rekey, export, import: where the choice of a vault's key matters.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/secret_source.h"
#include "os/atomic_file.h"
#include "vault_verbs.h"
#include "verbs.h"

namespace stream::tools {
namespace {

constexpr size_t kShortestPassphrase = 8;

// How a new vault, or a vault's new key, is to be opened.
struct NewKey {
  std::string key_file, passphrase;
  ByteSize memory{256 << 20};
  unsigned passes = 3;

  void declare(cli::Command& command) {
    command
        .option("--key-file", key_file, "FILE",
                "open it by the key in this file, which is made if there is none")
        .completes(cli::Completion::kFile)
        .excludes("passphrase");
    command.option("--passphrase", passphrase, "SOURCE",
                   "open it by a passphrase: @-, @file:PATH, @fd:N; without this and --key-file it "
                   "is asked for on the terminal");
    command.option("--memory", memory, "SIZE", "memory that one try of a passphrase costs");
    command.option("--passes", passes, "N", "passes over that memory");
  }

  vault::Header header() const {
    vault::Header header;
    crypto::fill_random(header.salt);
    if (!key_file.empty()) return header;
    header.source = vault::KeySource::kPassphrase;
    header.cost = {passes, static_cast<uint32_t>(memory.bytes / 1024)};
    if (!crypto::is_bearable(header.cost) || memory.bytes > (uint64_t{1} << 40))
      throw Error(Exit::kUsage, "vault.cost",
                  "--memory and --passes ask for too little or too much",
                  "from 8MiB to 1GiB, from 1 to 16 passes, at most 4GiB in all");
    return header;
  }

  // `made` tells whether the key file was created here.
  Secret text(bool dry_run, bool& made) const {
    made = false;
    if (!key_file.empty()) {
      if (::access(key_file.c_str(), F_OK) == 0) return vault::read_key_file(key_file);
      Secret key = vault::fresh_key_text();
      made = true;
      if (!dry_run)
        os::write_file(key_file, std::string(key.reveal()) + "\n", os::Sync::kYes, 0600);
      return key;
    }
    Secret phrase;
    if (!passphrase.empty()) {
      phrase = cli::read_secret(passphrase);
    } else {
      if (!vault::has_terminal())
        throw Error(Exit::kUsage, "vault.key", "there is no terminal to ask for a passphrase on",
                    "use --key-file FILE, or --passphrase @file:PATH");
      phrase = vault::ask_secret("New passphrase: ");
      if (!(phrase == vault::ask_secret("Again: ")))
        throw Error(Exit::kUsage, "vault.passphrase", "the two passphrases differ", "try again");
    }
    if (phrase.reveal().size() < kShortestPassphrase)
      throw Error(Exit::kUsage, "vault.passphrase", "the passphrase has fewer than 8 bytes",
                  "take several words");
    return phrase;
  }
};

struct InitOptions : VaultOptions, DryRun {
  NewKey key;
};

int init(const cli::Context& context, const InitOptions& o) {
  const vault::Header header = o.key.header();
  if (::access(o.path().c_str(), F_OK) == 0)
    throw Error(Exit::kNotAllowed, "vault.exists", o.path() + " exists already",
                "use it as it is, or change its key: stream-keys vault rekey");
  bool made = false;
  const Secret text = o.key.text(o.on, made);
  if (!o.on) vault::Vault::create(o.path(), header, vault::unlock_with(text));
  print_entry_change(context, "init", {}, o.on);
  context.confirm(std::string(o.on ? "would make" : "made") + " the vault " + o.path() +
                  (made ? " and its key " + o.key.key_file + ": keep a copy of both, apart" : ""));
  return 0;
}

struct RekeyOptions : VaultOptions, DryRun {
  NewKey key;
};

int rekey(const cli::Context& context, const RekeyOptions& o) {
  vault::Vault vault = o.open();
  const vault::Header header = o.key.header();
  bool made = false;
  const Secret text = o.key.text(o.on, made);
  if (!o.on) vault.rekey(header, vault::unlock_with(text));
  print_entry_change(context, "rekey", {}, o.on);
  context.confirm((o.on ? "would change the key of " : "changed the key of ") + vault.path() +
                  (made ? "; the new one is in " + o.key.key_file : ""));
  return 0;
}

struct ExportOptions : VaultOptions {
  std::string file;
  std::vector<std::string> names;
  NewKey key;
};

using Entries = std::vector<std::pair<vault::Listed, Secret>>;

// All, or those of `names`; an unknown name is an error.
Entries entries_of(const vault::Vault& vault, const std::vector<std::string>& names) {
  Entries entries;
  for (const std::string& name : names) static_cast<void>(vault.get(name));
  for (const vault::Listed& entry : vault.list())
    if (names.empty() || std::find(names.begin(), names.end(), entry.name) != names.end())
      entries.emplace_back(entry, vault.get(entry.name));
  return entries;
}

std::vector<std::string> names_of(const Entries& entries) {
  std::vector<std::string> names;
  for (const auto& [entry, value] : entries) names.push_back(entry.name);
  return names;
}

int export_entries(const cli::Context& context, const ExportOptions& o) {
  const vault::Vault vault = o.open();
  const Entries entries = entries_of(vault, o.names);
  const vault::Header header = o.key.header();
  bool made = false;
  const Secret text = o.key.text(false, made);
  vault::Vault::create(o.file, header, vault::unlock_with(text)).put_all(entries);
  ::unlink((o.file + ".lock").c_str());
  ::unlink((o.file + ".previous").c_str());
  print_entry_change(context, "export", names_of(entries), false);
  context.confirm("exported " + std::to_string(entries.size()) + " entries to " + o.file);
  return 0;
}

struct ImportOptions : VaultOptions, DryRun {
  std::string file, from_key_file;
  std::vector<std::string> names;
  bool replace = false;
};

int import_entries(const cli::Context& context, const ImportOptions& o) {
  vault::UnlockOptions from;
  from.use_agent = false;
  vault::Vault target = o.open();
  const vault::Header header = vault::read_header(o.file);
  if (o.from_key_file.empty() && header.source == vault::KeySource::kKeyFile)
    throw Error(Exit::kUsage, "vault.key", o.file + " opens by a key file",
                "name it: --from-key-file FILE");
  const Secret text = o.from_key_file.empty() ? vault::ask_secret("Passphrase for " + o.file + ": ")
                                              : vault::read_key_file(o.from_key_file);
  const Entries entries = entries_of(vault::Vault(o.file, vault::unlock_with(text)), o.names);
  for (const vault::Listed& there : target.list())
    for (const std::string& name : names_of(entries))
      if (!o.replace && there.name == name)
        throw Error(Exit::kNotAllowed, "vault.exists",
                    "the entry '" + name + "' is in " + target.path() + " already",
                    "nothing was imported; pass --replace, or name the entries to import");
  if (!o.on) target.put_all(entries);
  print_entry_change(context, "import", names_of(entries), o.on);
  context.confirm((o.on ? "would import " : "imported ") + std::to_string(entries.size()) +
                  " entries into " + target.path());
  return 0;
}

}  // namespace

cli::Command init_command() {
  auto o = std::make_shared<InitOptions>();
  cli::Command command("init", "make an empty vault");
  o->key.declare(command);
  o->VaultOptions::declare(command);
  o->DryRun::declare(command);
  command.run([o](cli::Context& context) { return init(context, *o); });
  return command;
}

cli::Command rekey_command() {
  auto o = std::make_shared<RekeyOptions>();
  cli::Command command("rekey", "encrypt the vault anew under another key or passphrase");
  o->key.declare(command);
  o->VaultOptions::declare(command);
  o->DryRun::declare(command);
  command.run([o](cli::Context& context) { return rekey(context, *o); });
  return command;
}

cli::Command export_command() {
  auto o = std::make_shared<ExportOptions>();
  cli::Command command("export", "copy entries to a new vault file with a key of its own");
  command.positional("FILE", o->file, "the file to make").completes(cli::Completion::kFile);
  command.positional("NAME", o->names, "only these entries");
  o->key.declare(command);
  o->VaultOptions::declare(command);
  command.run([o](cli::Context& context) { return export_entries(context, *o); });
  return command;
}

cli::Command import_command() {
  auto o = std::make_shared<ImportOptions>();
  cli::Command command("import", "copy entries from another vault file into the vault");
  command.positional("FILE", o->file, "the other vault").completes(cli::Completion::kFile);
  command.positional("NAME", o->names, "only these entries");
  command
      .option("--from-key-file", o->from_key_file, "FILE",
              "the other vault's key or passphrase; a passphrase is asked for without it")
      .completes(cli::Completion::kFile);
  command.flag("--replace", o->replace, "replace entries that are there already");
  o->VaultOptions::declare(command);
  o->DryRun::declare(command);
  command.run([o](cli::Context& context) { return import_entries(context, *o); });
  return command;
}

}  // namespace stream::tools

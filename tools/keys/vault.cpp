// vault put, get, list, rm: the entries of the vault.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/secret_source.h"
#include "keys/key_line.h"
#include "vault_verbs.h"
#include "verbs.h"

namespace stream::tools {
namespace {

using Json = nlohmann::ordered_json;

struct PutOptions : VaultOptions, DryRun {
  std::string name, source;
  std::optional<Duration> expires;
};

int put(const cli::Context& context, const PutOptions& o) {
  vault::check_entry_name(o.name);
  vault::Vault vault = o.open();
  const Secret value = o.source.empty() ? vault::ask_secret("Value of " + o.name + ": ")
                                        : cli::read_secret(o.source);
  const uint64_t expires =
      o.expires ? static_cast<uint64_t>(now_ms() + o.expires->value.count() / 1'000'000) : 0;
  if (!o.on) vault.put(o.name, vault::Kind::kSecret, value, expires);
  print_entry_change(context, "put", {o.name}, o.on);
  context.confirm(o.on ? "would put " + o.name + " into " + vault.path()
                       : "use it as @vault:" + o.name);
  return 0;
}

cli::Command put_command() {
  auto o = std::make_shared<PutOptions>();
  cli::Command command("put", "put a secret into the vault, or replace it");
  command.inherit();
  command.positional("NAME", o->name, "the entry's name");
  command
      .positional("SOURCE", o->source,
                  "where the value is: @-, @file:PATH, @fd:N, @cred:NAME; asked for without it")
      .optional();
  command.option("--expires", o->expires, "TIME",
                 "when it ends, for stream-keys doctor; nothing is removed then");
  o->VaultOptions::declare(command);
  o->DryRun::declare(command);
  command.run([o](cli::Context& context) { return put(context, *o); });
  return command;
}

struct GetOptions : VaultOptions {
  std::string name;
};

cli::Command get_command() {
  auto o = std::make_shared<GetOptions>();
  cli::Command command("get", "print the value of an entry");
  command.positional("NAME", o->name, "the entry's name");
  o->declare(command);
  command.run([o](cli::Context& context) {
    const Secret value = o->open().get(o->name);
    vault::mark_used(o->path(), o->name);
    if (context.json())
      context.print(Json{{"schema", "stream.vault.value/1"},
                         {"name", o->name},
                         {"value", std::string(value.reveal())}}
                        .dump(-1, ' ', false, Json::error_handler_t::replace) +
                    "\n");
    else
      context.print(std::string(value.reveal()) + "\n");
    return 0;
  });
  return command;
}

const char* kind_text(vault::Kind kind) {
  switch (kind) {
    case vault::Kind::kSecret:
      return "secret";
    case vault::Kind::kLogin:
      return "login";
    case vault::Kind::kEndpoint:
      return "endpoint";
    case vault::Kind::kSigningKey:
      return "signing-key";
  }
  return "other";
}

struct VaultListOptions : VaultOptions {
  bool no_header = false;
};

int list_vault(const cli::Context& context, const VaultListOptions& o) {
  Json entries = Json::array();
  std::string table = o.no_header ? "" : "NAME\tKIND\tUPDATED\tEXPIRES\tUSED\n";
  for (const vault::Listed& entry : vault::list(o.path())) {
    const auto used = vault::last_used(o.path(), entry.name);
    const auto text = [](uint64_t time) {
      return time_text(static_cast<int64_t>(std::min<uint64_t>(time, INT64_MAX)));
    };
    entries.push_back({{"name", entry.name},
                       {"kind", kind_text(entry.kind)},
                       {"created", text(entry.created)},
                       {"updated", text(entry.updated)},
                       {"expires", entry.expires ? Json(text(entry.expires)) : Json(nullptr)},
                       {"used", used ? Json(time_text(*used)) : Json(nullptr)}});
    table += entry.name + "\t" + kind_text(entry.kind) + "\t" + text(entry.updated) + "\t" +
             (entry.expires ? text(entry.expires) : "-") + "\t" + (used ? time_text(*used) : "-") +
             "\n";
  }
  if (context.json())
    context.print(Json{{"schema", "stream.vault.list/1"}, {"entries", entries}}.dump() + "\n");
  else
    context.print(table);
  return 0;
}

cli::Command list_vault_command() {
  auto o = std::make_shared<VaultListOptions>();
  cli::Command command("list", "list the entries by name");
  command.description(
      "Needs no key: names and times are not hidden in a vault. They are vouched for only by verbs "
      "that unlock it.");
  command.flag("--no-header", o->no_header, "leave out the table's head");
  o->declare(command);
  command.run([o](cli::Context& context) { return list_vault(context, *o); });
  return command;
}

struct RemoveOptions : VaultOptions, DryRun {
  std::vector<std::string> names;
};

int remove(const cli::Context& context, const RemoveOptions& o) {
  vault::Vault vault = o.open();
  std::vector<std::string> removed, absent;
  for (const std::string& name : o.names) {
    vault::check_entry_name(name);
    bool there = false;
    for (const auto& entry : vault.list()) there = there || entry.name == name;
    if (there && !o.on) there = vault.remove(name);
    (there ? removed : absent).push_back(name);
  }
  print_entry_change(context, "rm", removed, o.on);
  if (!removed.empty())
    context.confirm((o.on ? "would remove " : "removed ") + std::to_string(removed.size()) +
                    (removed.size() == 1 ? " entry" : " entries") + " from " + vault.path());
  if (absent.empty()) return 0;
  throw Error(removed.empty() ? Exit::kNo : Exit::kPartial, "vault.entry",
              "there is no entry '" + absent[0] + "' in " + vault.path(),
              "list them: stream-keys vault list");
}

cli::Command remove_command() {
  auto o = std::make_shared<RemoveOptions>();
  cli::Command command("rm", "remove entries, from the previous generation of the vault too");
  command.positional("NAME", o->names, "entries").required();
  o->VaultOptions::declare(command);
  o->DryRun::declare(command);
  command.run([o](cli::Context& context) { return remove(context, *o); });
  return command;
}

}  // namespace

std::string time_text(int64_t milliseconds) {
  return keys::time_text(milliseconds);
}

void print_entry_change(const cli::Context& context, const char* verb,
                        const std::vector<std::string>& names, bool dry_run) {
  if (!context.json()) return;
  Json document{{"schema", "stream.vault.change/1"}, {"verb", verb}, {"names", names}};
  if (dry_run) document["dry_run"] = true;
  context.print(document.dump() + "\n");
}

cli::Command vault_command() {
  cli::Command command("vault", "keep the secrets of destinations, encrypted");
  command.subcommand(init_command());
  command.subcommand(put_command());
  command.subcommand(get_command());
  command.subcommand(list_vault_command());
  command.subcommand(remove_command());
  command.subcommand(rekey_command());
  command.subcommand(export_command());
  command.subcommand(import_command());
  return command;
}

}  // namespace stream::tools

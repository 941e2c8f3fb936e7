// new, rotate, revoke: what changes the key file.
#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "ingest.h"
#include "keys/address.h"
#include "keys/key_book.h"
#include "verbs.h"

namespace stream::tools {
namespace {

using Json = nlohmann::ordered_json;

struct NewOptions : StoreOption, DryRun {
  keys::Wanted wanted;
  std::optional<Duration> expires;
  bool rotate = false;
};

void check_wanted(const keys::Wanted& wanted) {
  check_stream_name(wanted.stream);
  if (wanted.label.size() > 128 || escaped(wanted.label) != wanted.label)
    throw Error(Exit::kUsage, "keys.label", "--name has more than 128 bytes or is not plain text",
                "a few words are enough: --name \"studio camera\"");
  if (wanted.max_sessions == 0)
    throw Error(Exit::kUsage, "keys.sessions", "--max-sessions 0 would let nobody in",
                "to lock a key out use stream-keys revoke");
  for (const std::string& block : wanted.from)
    if (!keys::parse_block(block))
      throw Error(Exit::kUsage, "keys.address",
                  "--from " + escaped(block, 60) + " is not a block of addresses",
                  "write 192.0.2.0/24, 2001:db8::/32 or one address; bits behind the length are 0");
}

// One line for people; the JSON has "key": null when the secret can't be shown.
void print_issued(const cli::Context& context, const keys::Issued& issued, bool dry_run) {
  if (context.json()) {
    Json document = key_json(issued.key, now_ms());
    document["schema"] = "stream.keys.key/1";
    document["key"] = issued.secret.empty() ? Json(nullptr) : Json(issued.secret.reveal());
    if (dry_run) document["dry_run"] = true;
    context.print(document.dump() + "\n");
  } else if (!issued.secret.empty()) {
    context.print(std::string(issued.secret.reveal()) + "\n");
  }
}

int issue(const cli::Context& context, NewOptions& o) {
  check_wanted(o.wanted);
  const int64_t now = now_ms();
  if (o.expires) o.wanted.expires = now + o.expires->value.count() / 1'000'000;
  keys::Issued issued;
  if (o.on) {
    keys::KeyBook book(o.path());
    issued = book.issue(o.wanted, o.rotate, now);
    issued.secret = Secret();
  } else {
    keys::change_keys(o.path(),
                      [&](keys::KeyBook& book) { issued = book.issue(o.wanted, o.rotate, now); });
  }
  print_issued(context, issued, o.on);
  if (o.on)
    context.confirm("would issue a key for " + issued.key.stream);
  else if (issued.secret.empty())
    context.confirm(issued.key.id + " is there already; its key can't be shown again. A new one: " +
                    "stream-keys rotate " + issued.key.id);
  else
    context.confirm(issued.key.id + " publishes " + issued.key.stream +
                    "; the key is shown this once. See: stream-keys show " + issued.key.id);
  return 0;
}

cli::Command new_command() {
  auto o = std::make_shared<NewOptions>();
  cli::Command command("new", "issue an ingest key and print it once");
  command.description(
      "Prints a new key and stores only a keyed hash of it. With --name, repeating the command "
      "changes nothing and prints no key.");
  command.positional("STREAM", o->wanted.stream, "the stream that the key publishes")
      .completes(cli::Completion::kStream);
  command.option("--name", o->wanted.label, "LABEL", "whose key it is, to find it again");
  command.option("--expires", o->expires, "TIME", "let nobody in after this long, for example 30d");
  command.option("--max-sessions", o->wanted.max_sessions, "N", "publishers at once");
  command.option("--protocols", o->wanted.protocols, "NAME", "only over this protocol; repeats")
      .choices({"rtmp", "srt", "whip"});
  command.option("--from", o->wanted.from, "CIDR", "only from these addresses; repeats");
  command.flag("--rotate", o->rotate, "a new key for the label that is there");
  o->StoreOption::declare(command);
  o->DryRun::declare(command);
  command.run([o](cli::Context& context) { return issue(context, *o); });
  return command;
}

struct RotateOptions : StoreOption, DryRun {
  std::string id;
  Duration grace{};
};

[[noreturn]] void throw_absent(const std::string& id, const std::string& path) {
  throw Error(Exit::kNo, "keys.unknown", "there is no key '" + escaped(id, 60) + "' in " + path,
              "list them: stream-keys list");
}

int rotate(const cli::Context& context, const RotateOptions& o) {
  keys::Issued issued;
  const auto edit = [&](keys::KeyBook& book) {
    if (book.of_id(o.id).empty()) throw_absent(o.id, o.path());
    issued = book.rotate(o.id, now_ms(), o.grace.value.count() / 1'000'000);
  };
  if (o.on) {
    keys::KeyBook book(o.path());
    edit(book);
    issued.secret = Secret();
  } else {
    keys::change_keys(o.path(), edit);
  }
  print_issued(context, issued, o.on);
  context.confirm(o.on ? "would rotate " + o.id
                       : o.id + " has a new key; the old one " +
                             (o.grace.value.count() == 0 ? std::string("lets nobody in any more")
                                                         : "counts for " + to_text(o.grace)));
  return 0;
}

cli::Command rotate_command() {
  auto o = std::make_shared<RotateOptions>();
  cli::Command command("rotate", "give a key's id a new key and print it once");
  command.positional("ID", o->id, "the key's id");
  command.option("--grace", o->grace, "TIME", "how long the old key still counts")
      .shows_default("0s");
  o->StoreOption::declare(command);
  o->DryRun::declare(command);
  command.run([o](cli::Context& context) { return rotate(context, *o); });
  return command;
}

struct RevokeOptions : StoreOption, DryRun {
  std::vector<std::string> ids;
  bool from_stdin = false, kick = false;
};

int revoke(const cli::Context& context, RevokeOptions& o) {
  for (std::string line; o.from_stdin && std::getline(std::cin, line);)
    if (!line.empty()) o.ids.push_back(line);
  std::vector<std::string> unknown;
  const auto edit = [&](keys::KeyBook& book) {
    for (const std::string& id : o.ids)
      if (!book.revoke(id, now_ms(), o.kick)) unknown.push_back(id);
  };
  if (o.on) {
    keys::KeyBook book(o.path());
    edit(book);
  } else {
    keys::change_keys(o.path(), edit);
  }
  const size_t done = o.ids.size() - unknown.size();
  if (context.json()) {
    Json document{{"schema", "stream.keys.revoked/1"}, {"revoked", done}, {"unknown", unknown}};
    if (o.on) document["dry_run"] = true;
    context.print(document.dump() + "\n");
  }
  if (done > 0)
    context.confirm(std::string(o.on ? "would revoke " : "revoked ") + std::to_string(done) +
                    (done == 1 ? " key" : " keys") +
                    (o.kick ? "; their publishers are dropped within 2 s" : ""));
  if (unknown.empty()) return 0;
  std::string message = "no such key in " + o.path() + ":";
  for (size_t i = 0; i < std::min<size_t>(unknown.size(), 10); ++i)
    message += " " + escaped(unknown[i], 60);
  throw Error(done > 0 ? Exit::kPartial : Exit::kNo, "keys.unknown", message,
              "list them: stream-keys list");
}

cli::Command revoke_command() {
  auto o = std::make_shared<RevokeOptions>();
  cli::Command command("revoke", "let nobody in any more with these keys");
  command.positional("ID", o->ids, "ids of keys");
  command.flag("--stdin", o->from_stdin, "read ids from standard input, one per line");
  command.flag("--kick", o->kick, "also drop who publishes with them now");
  o->StoreOption::declare(command);
  o->DryRun::declare(command);
  command.check([o] {
    if (o->ids.empty() && !o->from_stdin)
      throw Error(Exit::kUsage, "usage.missing", "no key was named", "give ids, or --stdin");
  });
  command.run([o](cli::Context& context) { return revoke(context, *o); });
  return command;
}

}  // namespace

void add_ingest_verbs(cli::Command& root) {
  root.subcommand(new_command());
  root.subcommand(list_command());
  root.subcommand(show_command());
  root.subcommand(rotate_command());
  root.subcommand(revoke_command());
  root.subcommand(verify_command());
}

}  // namespace stream::tools

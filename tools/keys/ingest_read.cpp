// list, show, verify: what only reads the key file.
#include <chrono>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/secret_source.h"
#include "ingest.h"
#include "keys/key_book.h"
#include "keys/key_file.h"
#include "verbs.h"

namespace stream::tools {
namespace {

using Json = nlohmann::ordered_json;
constexpr size_t kChunk = 64 * 1024;

Json time_json(const std::optional<int64_t>& time) {
  return time ? Json(keys::time_text(*time)) : Json(nullptr);
}

struct KeyListOptions : StoreOption {
  std::string stream;
  bool all = false, no_header = false;
};

std::string table_line(const keys::Key& key, int64_t now) {
  return key.id + "\t" + key.stream + "\t" + state_of(key, now) + "\t" +
         keys::time_text(key.created) + "\t" + (key.expires ? keys::time_text(*key.expires) : "-") +
         "\t" + (key.label.empty() ? "-" : escaped(key.label)) + "\n";
}

int list_keys(const cli::Context& context, const KeyListOptions& o) {
  const int64_t now = now_ms();
  std::string out;
  bool first = true;
  if (context.json())
    out = "{\"schema\":\"stream.keys.list/1\",\"keys\":[";
  else if (!o.no_header)
    out = "ID\tSTREAM\tSTATE\tCREATED\tEXPIRES\tNAME\n";
  keys::KeyBook(o.path()).each([&](const keys::Credential& credential) {
    const keys::Key& key = credential.key;
    if (!o.stream.empty() && key.stream != o.stream) return;
    if (!o.all && state_of(key, now) != std::string_view("active")) return;
    if (context.json())
      out += (first ? "" : ",") + key_json(key, now).dump();
    else
      out += table_line(key, now);
    first = false;
    if (out.size() < kChunk) return;
    context.print(out);
    out.clear();
  });
  context.print(out + (context.json() ? "]}\n" : ""));
  return 0;
}

struct ShowOptions : StoreOption {
  std::string id;
};

int show(const cli::Context& context, const ShowOptions& o) {
  const auto found = keys::KeyBook(o.path()).of_id(o.id);
  if (found.empty())
    throw Error(Exit::kNo, "keys.unknown",
                "there is no key '" + escaped(o.id, 60) + "' in " + o.path(),
                "list them: stream-keys list --all");
  // During a rotation's grace an id has two keys: the newest is the id's.
  const keys::Key* newest = &found[0].key;
  for (const auto& c : found)
    if (c.key.created > newest->created) newest = &c.key;
  Json document = key_json(*newest, now_ms());
  if (context.json()) {
    document["schema"] = "stream.keys.key/1";
    context.print(document.dump() + "\n");
    return 0;
  }
  std::string out;
  for (const auto& [name, value] : document.items())
    out +=
        name + "\t" + (value.is_string() ? escaped(value.get<std::string>()) : value.dump()) + "\n";
  context.print(out);
  return 0;
}

struct KeyVerifyOptions : StoreOption {
  std::string source = "@-", protocol = "rtmp", address = "127.0.0.1", stream;
};

int verify_key(const cli::Context& context, const KeyVerifyOptions& o) {
  const Secret key = cli::read_secret(o.source);
  keys::KeyFile store(o.path());
  const keys::Verdict verdict = store.check({key.reveal(), o.protocol, o.address});
  const bool right_stream = o.stream.empty() || verdict.key.stream == o.stream;
  const bool ok = verdict.ok() && right_stream;
  const std::string reason = ok              ? ""
                             : !verdict.ok() ? keys::text_of(verdict.refusal)
                                             : "publishes " + verdict.key.stream;
  if (context.json())
    context.print(
        Json{{"schema", "stream.keys.verdict/1"},
             {"valid", ok},
             {"reason", ok ? Json(nullptr) : Json(reason)},
             {"id", verdict.key.id.empty() ? Json(nullptr) : Json(verdict.key.id)},
             {"stream", verdict.key.id.empty() ? Json(nullptr) : Json(verdict.key.stream)}}
            .dump() +
        "\n");
  else if (ok)
    context.print(verdict.key.stream + "\n");
  if (!ok) context.confirm("not accepted: " + reason);
  return ok ? 0 : 1;
}

}  // namespace

const char* state_of(const keys::Key& key, int64_t now) {
  if (key.revoked && *key.revoked <= now) return "revoked";
  return key.expires && *key.expires <= now ? "expired" : "active";
}

Json key_json(const keys::Key& key, int64_t now) {
  return Json{{"id", key.id},
              {"stream", key.stream},
              {"name", key.label.empty() ? Json(nullptr) : Json(key.label)},
              {"state", state_of(key, now)},
              {"created", keys::time_text(key.created)},
              {"expires", time_json(key.expires)},
              {"revoked", time_json(key.revoked)},
              {"max_sessions", key.max_sessions},
              {"protocols", key.protocols},
              {"from", key.from}};
}

cli::Command list_command() {
  auto o = std::make_shared<KeyListOptions>();
  cli::Command command("list", "list the ingest keys");
  command.option("--stream", o->stream, "NAME", "only keys of this stream")
      .completes(cli::Completion::kStream);
  command.flag("--all", o->all, "revoked and expired ones too");
  command.flag("--no-header", o->no_header, "leave out the table's head");
  o->declare(command);
  command.run([o](cli::Context& context) { return list_keys(context, *o); });
  return command;
}

cli::Command show_command() {
  auto o = std::make_shared<ShowOptions>();
  cli::Command command("show", "show one ingest key's limits and state");
  command.positional("ID", o->id, "the key's id");
  o->declare(command);
  command.run([o](cli::Context& context) { return show(context, *o); });
  return command;
}

cli::Command verify_command() {
  auto o = std::make_shared<KeyVerifyOptions>();
  cli::Command command("verify", "tell whether a key would be let in (exit code 0) or not (1)");
  command.positional("SOURCE", o->source, "where the key is: @-, @file:PATH, @fd:N, @vault:NAME")
      .optional();
  command.option("--protocol", o->protocol, "NAME", "as if it came over this")
      .choices({"rtmp", "srt", "whip"});
  command.option("--address", o->address, "ADDRESS", "as if it came from there");
  command.option("--stream", o->stream, "NAME", "and it must publish this stream");
  o->declare(command);
  command.run(cli::predicate([o](cli::Context& context) { return verify_key(context, *o); }));
  return command;
}

}  // namespace stream::tools

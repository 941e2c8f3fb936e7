#include "hooks.h"

#include <fcntl.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/secret_source.h"
#include "control/client.h"
#include "ctl.h"
#include "hooks/hooks.h"
#include "hooks/signature.h"
#include "os/dirs.h"
#include "registry.h"
#include "streams/teller.h"

namespace stream::ctl {
namespace {

using Json = nlohmann::json;
using namespace std::chrono_literals;

constexpr size_t kMaxMessage = 1 << 20;

void ignore(const char*, const Json&) {}

// One hook, or all; throws for a name that is none.
std::vector<hooks::Hook> chosen(const streams::File& file, const std::string& name) {
  if (name.empty()) return file.hooks;
  std::string names;
  for (const hooks::Hook& hook : file.hooks) {
    if (hook.name == name) return {hook};
    names += (names.empty() ? "" : ", ") + hook.name;
  }
  throw Error(Exit::kUsage, "hook.absent",
              "'" + file.name + "' has no hook '" + escaped(name, 60) + "'",
              names.empty() ? "add the section hooks, see stream.yaml(5)" : "there are: " + names);
}

Json waiting(const streams::File& file) {
  Json list = Json::array();
  for (const hooks::Hook& hook : file.hooks) {
    const auto size = hooks::Outbox(hooks::hooks_directory(file.name) + "/" + hook.name).size();
    list.push_back({{"hook", hook.name},
                    {"kind", hook.argv.empty() ? "http" : "exec"},
                    {"pending", size.count},
                    {"oldest_at", size.oldest ? Json(rfc3339(*size.oldest)) : Json(nullptr)},
                    {"failures", 0},
                    {"reason", nullptr},
                    {"retry_seconds", nullptr}});
  }
  return list;
}

std::string text_or_empty(const Json& value) {
  return value.is_string() ? value.get<std::string>() : "";
}

void print_hooks(const char* schema, const std::string& name, const Json& list,
                 const Options& options, const cli::Context& context) {
  if (context.json())
    return context.print_json({{"schema", schema}, {"stream", name}, {"hooks", list}});
  cli::Table table({"hook", "kind", "pending", "oldest", "reason"});
  for (const Json& hook : list)
    table.add({text_or_empty(hook["hook"]), text_or_empty(hook["kind"]), hook["pending"].dump(),
               text_or_empty(hook["oldest_at"]), escaped(text_or_empty(hook["reason"]))});
  context.print(table.text(options.hooks_table));
}

streams::File applied_file(const std::string& name) {
  check_stream_name(name);
  return streams::file_of(known_stream(name));
}

// What can't be read was not judged: that is never the exit code of "no".
std::string read_message(const std::string& path) {
  if (path != "-") {
    try {
      return os::read_file(path, kMaxMessage);
    } catch (const Error& e) {
      throw Error(Exit::kUsage, "hook.message", e.what(), e.hint());
    }
  }
  std::string text;
  char chunk[16384];
  for (ssize_t n; (n = ::read(0, chunk, sizeof chunk)) != 0;) {
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      throw Error(Exit::kUsage, "hook.message", "cannot read standard input: " + errno_text(errno));
    text.append(chunk, static_cast<size_t>(n));
    if (text.size() > kMaxMessage)
      throw Error(Exit::kUsage, "hook.message", "the message is larger than 1 MiB");
  }
  return text;
}

// What a supervisor saved and was killed before it told.
void tell_forgotten(const manifest::Stream& known) {
  if (streams::untold(known).empty()) return;
  const auto lock = stream_lock(known.name);
  manifest::Stream stream = known_stream(known.name);
  tell_moves(stream);
  auto files = store();
  manifest::save_stream(files, stream);
}

Json test_event(const std::string& stream) {
  return {{"schema", "stream.event/1"}, {"time", rfc3339(wall_now())},
          {"tool", "stream-ctl"},       {"event", "hook.test"},
          {"stream", stream},           {"seq", 1}};
}

}  // namespace

bool keep_for_hooks(const streams::File& file, const Json& event, const std::string& id) {
  bool kept = false;
  for (const hooks::Hook& hook : file.hooks) {
    if (!hooks::wants(hook, text_or_empty(event["event"]))) continue;
    hooks::Outbox(hooks::hooks_directory(file.name) + "/" + hook.name)
        .put({id, event.dump()}, wall_now());
    kept = true;
  }
  return kept;
}

void tell_moves(manifest::Stream& stream) {
  const streams::File file = streams::file_of(stream);
  for (const streams::Told& told : streams::untold(stream))
    keep_for_hooks(file, told.event, told.id);
  stream.mark_told();
}

Json deliver_waiting(const streams::File& file, std::chrono::milliseconds limit) {
  if (file.hooks.empty()) return Json::array();
  hooks::Hooks all(file.name, hooks::hooks_directory(file.name), cli::read_secret, ignore);
  all.set(file.hooks);
  all.finish(limit);
  return all.status();
}

int hooks_list(const Options& options, const cli::Context& context) {
  const streams::File file = applied_file(options.name);
  Json list;
  if (supervised(file.name)) {
    control::Client client(os::control_socket_path(file.name, "ctl"));
    list = client.call("hooks.list").at("hooks");
  } else {
    list = waiting(file);
  }
  print_hooks("stream.ctl.hooks/1", file.name, list, options, context);
  return 0;
}

int hooks_retry(const Options& options, const cli::Context& context) {
  streams::File file = applied_file(options.name);
  file.hooks = chosen(file, options.hook);
  if (supervised(file.name)) {
    control::Client client(os::control_socket_path(file.name, "ctl"));
    print_hooks("stream.ctl.hooks/1", file.name,
                client.call("hooks.retry", {{"hook", options.hook}}).at("hooks"), options, context);
    return 0;
  }
  tell_forgotten(known_stream(file.name));
  const Json list = deliver_waiting(
      file, std::chrono::duration_cast<std::chrono::milliseconds>(options.timeout.value));
  print_hooks("stream.ctl.hooks/1", file.name, list, options, context);
  const bool left =
      std::any_of(list.begin(), list.end(), [](const Json& hook) { return hook["pending"] != 0; });
  return left ? static_cast<int>(Exit::kNetwork) : 0;
}

// What is wrong with one stream keeps no other from being told.
int hooks_retry_all(const Options& options, const cli::Context& context) {
  const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(options.timeout.value);
  Json results = Json::array();
  cli::Table table({"stream", "hook", "kind", "pending", "oldest", "reason"});
  bool left = false, wrong = false;
  const auto pending = [](const Json& hook) { return hook["pending"] != 0; };
  for (const manifest::Stream& stream : known_streams()) {
    try {
      const auto file = streams::file_of(stream);
      if (supervised(stream.name)) continue;
      tell_forgotten(stream);
      const Json before = waiting(file);
      if (std::none_of(before.begin(), before.end(), pending)) continue;
      const Json after = deliver_waiting(file, limit);
      left = left || std::any_of(after.begin(), after.end(), pending);
      results.push_back({{"stream", stream.name}, {"hooks", after}});
      for (const Json& hook : after)
        table.add({stream.name, text_or_empty(hook["hook"]), text_or_empty(hook["kind"]),
                   hook["pending"].dump(), text_or_empty(hook["oldest_at"]),
                   escaped(text_or_empty(hook["reason"]))});
    } catch (const Error& e) {
      wrong = true;
      log::error("hooks of '" + stream.name + "': " + e.what());
    }
  }
  if (context.json())
    context.print_json({{"schema", "stream.ctl.hooks-all/1"}, {"streams", results}});
  else if (!results.empty())
    context.print(table.text({}));
  if (wrong) return static_cast<int>(Exit::kPartial);
  return left ? static_cast<int>(Exit::kNetwork) : 0;
}

int hooks_test(const Options& options, const cli::Context& context) {
  const streams::File file = read_given(options.file).file;
  const auto list = chosen(file, options.hook);
  if (list.empty())
    throw Error(Exit::kUsage, "hook.absent", "'" + file.name + "' has no hooks",
                "add the section hooks, see stream.yaml(5)");
  const std::string body = test_event(file.name).dump();
  const std::vector<std::string> words{file.name, body};
  const hooks::Message message{hooks::message_id(words), body};
  const std::atomic<bool> cancelled{false};
  Json results = Json::array();
  size_t failed = 0;
  std::string text;
  for (const hooks::Hook& hook : list) {
    const std::string lock = os::stream_runtime_dir(file.name) + "/hook-test.run";
    hooks::Courier courier(hook, {file.name, lock}, cli::read_secret);
    const std::string reason = courier.deliver(message, cancelled);
    failed += !reason.empty();
    results.push_back({{"hook", hook.name},
                       {"delivered", reason.empty()},
                       {"reason", reason.empty() ? Json(nullptr) : Json(reason)}});
    text += hook.name + ": " + (reason.empty() ? "has it" : escaped(reason)) + "\n";
  }
  if (context.json())
    context.print_json({{"schema", "stream.ctl.hooks-test/1"},
                        {"stream", file.name},
                        {"id", message.id},
                        {"hooks", results}});
  else
    context.print(text);
  if (failed == 0) return 0;
  return static_cast<int>(failed == list.size() ? Exit::kNetwork : Exit::kPartial);
}

int hooks_verify(const Options& options, const cli::Context& context) {
  const auto key = hooks::parse_key(options.hook_secret);
  if (!key)
    throw Error(Exit::kUsage, "hook.secret",
                "the secret is not \"whsec_\" and the base64 of 24 to 64 bytes (not shown)",
                "stream-ctl hooks secret makes one");
  const auto message =
      hooks::parse_message(read_message(options.file.empty() ? "-" : options.file));
  const int64_t now =
      std::chrono::duration_cast<std::chrono::seconds>(wall_now().time_since_epoch()).count();
  std::string reason = "it has not the headers webhook-id, webhook-timestamp and webhook-signature";
  if (message)
    reason = hooks::reject_reason(
        *key, *message, now,
        std::chrono::duration_cast<std::chrono::seconds>(options.tolerance.value));
  if (context.json())
    context.print_json({{"schema", "stream.ctl.hooks-verify/1"},
                        {"valid", reason.empty()},
                        {"id", message ? Json(message->id) : Json(nullptr)},
                        {"reason", reason.empty() ? Json(nullptr) : Json(reason)}});
  else
    context.confirm(reason.empty() ? "it is valid" : "it is not valid: " + reason);
  return reason.empty() ? 0 : static_cast<int>(Exit::kNo);
}

// To standard output, as stream-keys prints the keys it makes: into a file or a vault.
int hooks_secret(const Options&, const cli::Context& context) {
  const Secret secret = hooks::new_secret();
  if (context.json())
    context.print_json(
        {{"schema", "stream.ctl.hooks-secret/1"}, {"secret", std::string(secret.reveal())}});
  else
    context.print(std::string(secret.reveal()) + "\n");
  return 0;
}

}  // namespace stream::ctl

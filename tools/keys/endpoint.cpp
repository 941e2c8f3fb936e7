// endpoint, go-live, end, status: the platform's own broadcast.
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "crypto/strict_json.h"
#include "keys/key_line.h"
#include "logins/api.h"
#include "platform_verbs.h"

namespace stream::tools {
namespace {

using Json = nlohmann::ordered_json;

// Answers are strangers' JSON: what has another shape than documented is the platform's failure.
template <typename Work>
int with_platform(const std::string& platform, Work work) {
  try {
    return work();
  } catch (const nlohmann::json::exception&) {
    throw Error(Exit::kNetwork, "platform.answer", platform + " answered in an unknown form",
                "try again later; if it stays so, a newer stream-tools may know it");
  }
}

struct EndpointOptions : LoginChoice {
  logins::Wanted wanted;
  std::string entry;
};

std::string entry_of(const std::string& entry, const std::string& platform) {
  const std::string name = entry.empty() ? platform : entry;
  vault::check_entry_name(name + ".broadcast");
  return name;
}

int make_endpoint(const cli::Context& context, const EndpointOptions& o) {
  const std::string entry = entry_of(o.entry, o.platform);
  if (!o.wanted.at.empty() && !keys::parse_time(o.wanted.at))
    throw Error(Exit::kUsage, "endpoint.time", "--at " + escaped(o.wanted.at, 40) + " is no time",
                "write it in UTC: 2026-12-24T18:00:00Z");
  vault::Vault vault = o.open();
  logins::Api api(vault, logins::load(vault, o.platform, o.account));
  const logins::Endpoint made = logins::platform(o.platform).make_endpoint(api, o.wanted);
  std::vector<std::pair<vault::Listed, Secret>> entries;
  const auto add = [&](const std::string& name, const Secret& value) {
    entries.push_back({vault::Listed{name, vault::Kind::kEndpoint, 0, 0, 0}, value});
  };
  add(entry, made.url);
  for (const auto& [name, url] : made.others) add(entry + "." + name, url);
  nlohmann::json state = made.state;
  state["platform"] = o.platform;
  state["account"] = o.account;
  add(entry + ".broadcast", Secret(state.dump()));
  vault.put_all(entries);
  if (context.json()) {
    Json names = Json::array();
    for (const auto& [listed, value] : entries)
      if (!listed.name.ends_with(".broadcast")) names.push_back(listed.name);
    context.print(Json{{"schema", "stream.endpoint/1"},
                       {"platform", o.platform},
                       {"entries", names},
                       {"broadcast", made.state}}
                      .dump() +
                  "\n");
  }
  context.confirm("send to @vault:" + entry + ", then: stream-keys go-live " + o.platform);
  return 0;
}

cli::Command endpoint_command() {
  auto o = std::make_shared<EndpointOptions>();
  cli::Command command("endpoint", "prepare a broadcast and store where to send it");
  command.description(
      "Makes the broadcast at the platform and puts its address with the key into the vault, as an "
      "entry that other programs take as @vault:PLATFORM. Further addresses (.srt, .whip, .backup) "
      "are entries beside it.");
  o->LoginChoice::declare(command);
  command.option("--title", o->wanted.title, "TITLE", "the broadcast's title").required();
  command.option("--privacy", o->wanted.privacy, "WHO", "who may see it, where the platform asks")
      .choices({"public", "unlisted", "private"});
  command.option("--at", o->wanted.at, "TIME", "when it is announced for (youtube), in UTC");
  command.option("--target", o->wanted.target, "ID", "facebook: the page, group or event");
  command.option("--entry", o->entry, "NAME", "the vault entry's name").shows_default("PLATFORM");
  command.run([o](cli::Context& context) {
    return with_platform(o->platform, [&] { return make_endpoint(context, *o); });
  });
  return command;
}

struct BroadcastOptions : LoginChoice {
  std::string entry;
  Duration timeout{std::chrono::seconds(60)};
  void declare(cli::Command& command) {
    LoginChoice::declare(command);
    command.option("--entry", entry, "NAME", "the endpoint's vault entry")
        .shows_default("PLATFORM");
  }
};

// Calls `work` with the broadcast that endpoint made.
template <typename Work>
int with_broadcast(const BroadcastOptions& o, Work work) {
  return with_platform(o.platform, [&] {
    const std::string entry = entry_of(o.entry, o.platform);
    vault::Vault vault = o.open();
    const auto text = vault.find(entry + ".broadcast");
    const auto state = text ? crypto::strict_json(text->reveal()) : std::nullopt;
    if (!state || crypto::text_member(*state, "platform") != o.platform)
      throw Error(Exit::kNotAllowed, "endpoint.absent",
                  "no broadcast at " + o.platform + " was prepared as '" + entry + "'",
                  "first: stream-keys endpoint " + o.platform + " --title TITLE");
    logins::Api api(vault, logins::load(vault, o.platform,
                                        crypto::text_member(*state, "account").value_or("main")));
    return work(logins::platform(o.platform), api, *state);
  });
}

int tell(const cli::Context& context, const std::string& line) {
  if (context.json())
    context.print(Json{{"schema", "stream.broadcast.change/1"}, {"message", line}}.dump() + "\n");
  context.confirm(line);
  return 0;
}

cli::Command go_live_command() {
  auto o = std::make_shared<BroadcastOptions>();
  cli::Command command("go-live", "show the broadcast to viewers, once the media arrive");
  o->declare(command);
  command.option("--timeout", o->timeout, "TIME", "how long to wait for the media to arrive");
  command.run([o](cli::Context& context) {
    return with_broadcast(*o, [&](const auto& platform, auto& api, const auto& state) {
      return tell(
          context,
          platform.go_live(
              api, state, std::chrono::duration_cast<std::chrono::milliseconds>(o->timeout.value)));
    });
  });
  return command;
}

cli::Command end_command() {
  auto o = std::make_shared<BroadcastOptions>();
  cli::Command command("end", "end the broadcast at the platform");
  o->declare(command);
  command.run([o](cli::Context& context) {
    return with_broadcast(*o, [&](const auto& platform, auto& api, const auto& state) {
      return tell(context, platform.end(api, state));
    });
  });
  return command;
}

cli::Command status_command() {
  auto o = std::make_shared<BroadcastOptions>();
  cli::Command command("status", "print the platform's own state of the broadcast");
  o->declare(command);
  command.run([o](cli::Context& context) {
    return with_broadcast(*o, [&](const auto& platform, auto& api, const auto& state) {
      Json document = platform.status(api, state);
      std::string table;
      for (const auto& [name, value] : document.items())
        table += name + "\t" +
                 (value.is_string() ? escaped(value.template get<std::string>()) : value.dump()) +
                 "\n";
      document["schema"] = "stream.broadcast/1";
      context.print(context.json() ? document.dump() + "\n" : table);
      return 0;
    });
  });
  return command;
}

}  // namespace

void add_platform_verbs(cli::Command& root) {
  root.subcommand(login_command());
  root.subcommand(logout_command());
  root.subcommand(refresh_command());
  root.subcommand(endpoint_command());
  root.subcommand(go_live_command());
  root.subcommand(end_command());
  root.subcommand(status_command());
}

}  // namespace stream::tools

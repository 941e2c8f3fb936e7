// token livekit, roles, invite: tokens for LiveKit's rooms.
#include "keys/livekit.h"

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "base/text.h"
#include "base/url.h"
#include "cli/secret_source.h"
#include "crypto/encoding.h"
#include "crypto/jwt.h"
#include "crypto/strict_json.h"
#include "token.h"

namespace stream::tools {
namespace {

using Json = nlohmann::ordered_json;

// The key that signs: its id and where its secret is.
struct ApiKey {
  std::string key, secret = "@vault:livekit";

  void declare(cli::Command& command) {
    command.option("--api-key", key, "KEY", "LiveKit's API key, the issuer of the token")
        .required();
    command.option("--api-secret", secret, "SOURCE",
                   "where its secret is: @vault:NAME, @file:PATH, @fd:N");
  }
  crypto::SigningKey load() const {
    const Secret text = cli::read_secret(secret);
    if (text.reveal().size() < 32)
      log::warning("the API secret has fewer than 32 characters; LiveKit accepts that, for tests");
    return {crypto::JwtAlgorithm::kHs256,
            crypto::LockedBytes::copy(crypto::bytes_of(text.reveal())),
            {}};
  }
};

struct LiveKitOptions {
  ApiKey api;
  keys::LiveKitGrants grants;
  std::string role;
  std::vector<std::string> attributes;
  Duration expires{std::chrono::hours(6)};
  // What the role says unless the command line says otherwise.
  std::optional<bool> room_admin, can_publish, can_subscribe, can_publish_data, can_update;
  std::vector<std::string> sources;
};

std::vector<std::string> role_names() {
  std::vector<std::string> names;
  for (const keys::Role& role : keys::roles()) names.push_back(role.name);
  return names;
}

void let_decide(const std::optional<bool>& said, std::optional<bool>& grant) {
  if (said) grant = said;
}

void complete_grants(LiveKitOptions& o) {
  keys::LiveKitGrants& grants = o.grants;
  grants.room_join = !grants.room.empty() && !grants.identity.empty();
  if (!o.role.empty()) keys::apply_role(o.role, grants);
  if (o.room_admin) grants.room_admin = *o.room_admin;
  let_decide(o.can_publish, grants.can_publish);
  let_decide(o.can_subscribe, grants.can_subscribe);
  let_decide(o.can_publish_data, grants.can_publish_data);
  let_decide(o.can_update, grants.can_update_own_metadata);
  if (!o.sources.empty()) grants.can_publish_sources = o.sources;
  if (o.can_publish == false) grants.can_publish_sources.clear();  // sources would override it
  for (const std::string& attribute : o.attributes) {
    const size_t equals = attribute.find('=');
    if (equals == 0 || equals == std::string::npos)
      throw Error(Exit::kUsage, "token.attribute",
                  "--attribute " + escaped(attribute, 60) + " is not NAME=VALUE",
                  "for example --attribute seat=front");
    grants.attributes[attribute.substr(0, equals)] = attribute.substr(equals + 1);
  }
}

void check_grants(const LiveKitOptions& o) {
  const keys::LiveKitGrants& grants = o.grants;
  if (grants.room.empty() != grants.identity.empty() && !grants.room_admin)
    throw Error(Exit::kUsage, "token.room", "to join a room takes --room and --identity",
                "give both, or neither for a token of the server's API");
  if (grants.room_admin && grants.room.empty())
    throw Error(Exit::kUsage, "token.room", "--room-admin is of one room", "add --room ROOM");
  // Servers hand metadata on as text; JSON is what its readers expect when it looks like it.
  if (grants.metadata.starts_with("{") && !crypto::strict_json(grants.metadata))
    throw Error(Exit::kUsage, "token.metadata", "--metadata starts like JSON and is not",
                "quote it for the shell: --metadata '{\"seat\":1}'");
}

void declare_grants(cli::Command& command, LiveKitOptions& o) {
  command.option("--room", o.grants.room, "ROOM", "the room it is for");
  command.option("--identity", o.grants.identity, "ID", "who joins: one at a time in a room");
  command.option("--name", o.grants.name, "NAME", "the name that others see");
  command.option("--role", o.role, "ROLE", "grants of a preset, see stream-keys roles")
      .choices(role_names());
  command.option("--metadata", o.grants.metadata, "TEXT", "text for the application, often JSON");
  command.option("--attribute", o.attributes, "NAME=VALUE", "an attribute of the participant");
  command.option("--kind", o.grants.kind, "KIND", "standard, ingress, egress, sip or agent");
  command.option("--expires", o.expires, "TIME", "how long it lets in");
  command.section("Grants");
  command.flag("--can-publish", o.can_publish, "publish tracks; allowed unless denied");
  command.flag("--can-subscribe", o.can_subscribe, "receive tracks; allowed unless denied");
  command.flag("--can-publish-data", o.can_publish_data, "send data; allowed unless denied");
  command.option("--can-publish-source", o.sources, "SOURCE", "publish only this")
      .choices({"camera", "microphone", "screen_share", "screen_share_audio"});
  command.flag("--can-update-own-metadata", o.can_update, "change the own name and metadata");
  command.flag("--room-admin", o.room_admin, "mute and remove others in the room");
  command.flag("--hidden", o.grants.hidden, "be invisible to others");
  command.flag("--recorder", o.grants.recorder, "be a recorder");
  command.flag("--agent", o.grants.agent, "be an agent");
  command.flag("--room-create", o.grants.room_create, "create and delete rooms");
  command.flag("--room-list", o.grants.room_list, "list rooms");
  command.flag("--room-record", o.grants.room_record, "start egress");
  command.flag("--ingress-admin", o.grants.ingress_admin, "manage ingress");
}

std::string sign(const LiveKitOptions& o, std::chrono::seconds life) {
  return sign_jwt(keys::livekit_claims(o.grants, o.api.key, now_seconds(), life), o.api.load());
}

struct InviteOptions : LiveKitOptions {
  std::string base_url;
};

// RFC 3986: everything but the unreserved characters.
std::string percent_encoded(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    out += plain ? std::string(1, c) : "%" + crypto::hex(crypto::bytes_of({&c, 1}));
  }
  return out;
}

int invite(const cli::Context& context, InviteOptions& o) {
  const auto base = parse_url(o.base_url);
  if (!base || (base->scheme != "https" && base->scheme != "http") || !base->password.empty())
    throw Error(Exit::kUsage, "token.url", "--base-url is not an http or https address",
                "write it as https://meet.example/");
  if (o.grants.identity.empty())
    o.grants.identity = o.role + "-" + crypto::hex(crypto::random_bytes(6));
  complete_grants(o);
  check_grants(o);
  const auto life = token_life(o.expires);
  // The token stands behind '#': browsers do not send that part to the server or to other sites.
  const std::string link = o.base_url + (o.base_url.ends_with('/') ? "" : "/") +
                           percent_encoded(o.grants.room) + "#token=" + sign(o, life);
  if (context.json())
    context.print(Json{{"schema", "stream.invite/1"},
                       {"url", link},
                       {"room", o.grants.room},
                       {"identity", o.grants.identity},
                       {"role", o.role}}
                      .dump() +
                  "\n");
  else
    context.print(link + "\n");
  return 0;
}

}  // namespace

cli::Command livekit_command() {
  auto o = std::make_shared<LiveKitOptions>();
  cli::Command command("livekit", "print a token for a LiveKit room or for its API");
  o->api.declare(command);
  declare_grants(command, *o);
  command.run([o](cli::Context& context) {
    complete_grants(*o);
    check_grants(*o);
    const auto life = token_life(o->expires);
    print_token(context, sign(*o, life), life);
    return 0;
  });
  return command;
}

cli::Command invite_command() {
  auto o = std::make_shared<InviteOptions>();
  o->role = "guest";
  o->expires = Duration{std::chrono::hours(24)};
  cli::Command command("invite", "print a link that lets one person into a room");
  command.description(
      "The token stands behind the link's '#', which browsers keep to themselves. Whoever has the "
      "link may enter, once at a time, until it expires.");
  command.positional("ROOM", o->grants.room, "the room");
  command.option("--base-url", o->base_url, "URL", "address of the page that opens the room")
      .required();
  command.option("--role", o->role, "ROLE", "what the person may do").choices(role_names());
  command.option("--identity", o->grants.identity, "ID", "who it is; made up without it");
  command.option("--name", o->grants.name, "NAME", "the name that others see");
  command.option("--expires", o->expires, "TIME", "how long it lets in");
  o->api.declare(command);
  command.run([o](cli::Context& context) { return invite(context, *o); });
  return command;
}

cli::Command roles_command() {
  cli::Command command("roles", "list the presets of grants and what they expand to");
  command.run([](cli::Context& context) {
    Json all = Json::array();
    std::string table;
    for (const keys::Role& role : keys::roles()) {
      keys::LiveKitGrants grants;
      keys::apply_role(role.name, grants);
      const Json claims = keys::livekit_claims(grants, "", {}, {});
      all.push_back({{"role", role.name}, {"what", role.what}, {"video", claims["video"]}});
      table += std::string(role.name) + "\t" + role.what + "\t" + claims["video"].dump() + "\n";
    }
    context.print(context.json() ? Json{{"schema", "stream.roles/1"}, {"roles", all}}.dump() + "\n"
                                 : table);
    return 0;
  });
  return command;
}

}  // namespace stream::tools

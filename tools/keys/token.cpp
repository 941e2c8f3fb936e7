// token viewer, publish, public-key, verify: tokens for viewers and publishers, and looking at
// them.
#include <chrono>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/text.h"
#include "base/time.h"
#include "cli/secret_source.h"
#include "crypto/encoding.h"
#include "crypto/jwt.h"
#include "keys/livekit.h"
#include "keys/publish_token.h"
#include "token.h"

namespace stream::tools {
namespace {

using Json = nlohmann::ordered_json;
constexpr const char* kViewerKey = "viewer-signing";
constexpr const char* kPublisherKey = "publisher-signing";

crypto::SigningKey signing_key(const Secret& seed_text, const std::string& name) {
  const auto seed = crypto::from_base64url(seed_text.reveal());
  if (!seed || seed->size() != crypto::kEd25519Seed)
    throw Error(Exit::kConfig, "token.key", "the entry '" + name + "' is not a signing key",
                "choose another: --key NAME");
  crypto::SigningKey key{crypto::JwtAlgorithm::kEdDsa, crypto::LockedBytes::copy(*seed), {}};
  key.id = keys::jwk_thumbprint(crypto::base64url(crypto::ed25519_public_key(key.secret).view()));
  return key;
}

// The vault's signing key of that name; made when there is none and `make` is given.
crypto::SigningKey load_key(const cli::Context& context, const VaultOptions& o,
                            const std::string& name, bool make) {
  vault::check_entry_name(name);
  vault::Vault vault = o.open();
  if (const auto seed = vault.find(name)) return signing_key(*seed, name);
  if (!make) static_cast<void>(vault.get(name));  // throws with the names that are there
  crypto::LockedBytes seed(crypto::kEd25519Seed);
  crypto::fill_random({seed.data(), seed.size()});
  vault.add(name, vault::Kind::kSigningKey, Secret(crypto::base64url(seed.view())));
  context.confirm("made the signing key '" + name +
                  "'; who checks tokens needs: stream-keys token public-key");
  return signing_key(vault.get(name), name);  // another process may have been first
}

struct TokenOptions : VaultOptions {
  std::vector<std::string> streams;
  std::string user, key;
  Duration expires{std::chrono::hours(2)};
};

using Claims = Json (*)(const std::vector<std::string>& streams, const std::string& user,
                        std::chrono::sys_seconds now, std::chrono::seconds life);

// Signs with a key of the vault, which is made when there is none.
cli::Command token_command(const char* name, const char* what, const std::string& description,
                           const char* key_name, bool for_several, Claims claims) {
  auto o = std::make_shared<TokenOptions>();
  o->key = key_name;
  cli::Command command(name, what);
  command.description(description);
  if (!for_several) o->streams.resize(1);
  (for_several ? command.positional("STREAM", o->streams, "the streams").required()
               : command.positional("STREAM", o->streams.front(), "the stream"))
      .completes(cli::Completion::kStream);
  command.option("--expires", o->expires, "TIME", "how long it lets in");
  command.option("--user", o->user, "USER", "whom it is for, as the claim sub");
  command.option("--key", o->key, "NAME", "the vault entry with the signing key");
  o->declare(command);
  command.run([o, claims](cli::Context& context) {
    for (const std::string& stream : o->streams) check_stream_name(stream);
    const auto life = token_life(o->expires);
    const crypto::SigningKey key = load_key(context, *o, o->key, true);
    print_token(context, sign_jwt(claims(o->streams, o->user, now_seconds(), life), key), life);
    return 0;
  });
  return command;
}

cli::Command viewer_command() {
  return token_command(
      "viewer", "print a token with which one may watch a stream, or several",
      "Signs with a key of the vault (Ed25519), which is made when there is none. Checking needs "
      "the public key only, see stream-keys token public-key. stream-serve shows the bearer what "
      "is "
      "his of the streams named, also in the list of a group.",
      kViewerKey, true, keys::viewer_claims);
}

cli::Command publish_command() {
  return token_command(
      "publish", "print a token with which one may publish a stream",
      "It is used in the place of a stream key where stream-ingest has --token-key with the public "
      "key: stream-keys token public-key --key " +
          std::string(kPublisherKey) +
          ". Signed with a key of the vault (Ed25519), which is made when there is none. A session "
          "that began goes on when its token expires.",
      kPublisherKey, false,
      [](const std::vector<std::string>& streams, const std::string& user,
         std::chrono::sys_seconds now, std::chrono::seconds life) {
        return keys::publish_claims(streams.front(), user, now, life);
      });
}

struct PublicKeyOptions : VaultOptions {
  std::string key = kViewerKey;
};

cli::Command public_key_command() {
  auto o = std::make_shared<PublicKeyOptions>();
  cli::Command command("public-key", "print the key that checks tokens, as JSON Web Key");
  command.option("--key", o->key, "NAME", "the vault entry with the signing key");
  o->declare(command);
  command.run([o](cli::Context& context) {
    const crypto::SigningKey key = load_key(context, *o, o->key, false);
    const auto x = crypto::base64url(crypto::ed25519_public_key(key.secret).view());
    context.print(keys::public_jwk(x).dump() + "\n");
    return 0;
  });
  return command;
}

struct TokenVerifyOptions : VaultOptions {
  std::string source = "@-", api_secret, public_key, key, stream, issuer;
};

crypto::VerifyKey key_to_verify(const cli::Context& context, const TokenVerifyOptions& o) {
  if (!o.public_key.empty()) return keys::read_public_key(o.public_key);
  if (!o.api_secret.empty())
    return {crypto::JwtAlgorithm::kHs256,
            crypto::LockedBytes::copy(crypto::bytes_of(cli::read_secret(o.api_secret).reveal())),
            {}};
  return crypto::verify_key_of(load_key(context, o, o.key.empty() ? kViewerKey : o.key, false));
}

int verify_token(const cli::Context& context, const TokenVerifyOptions& o) {
  const Secret token = cli::read_secret(o.source);
  crypto::JwtRules rules;
  rules.now = now_seconds();
  if (!o.stream.empty()) rules.audience = keys::viewer_audience(o.stream);
  if (!o.issuer.empty()) rules.issuer = o.issuer;
  const crypto::VerifyKey key = key_to_verify(context, o);
  // Which stream a viewer's token is for is its audience; unasked, any will do.
  rules.any_audience = o.stream.empty();
  const crypto::JwtResult result = crypto::verify_jwt(token.reveal(), key, rules);
  if (context.json())
    context.print(Json{{"schema", "stream.token.verdict/1"},
                       {"valid", result.ok()},
                       {"reason", result.ok() ? Json(nullptr) : Json(text_of(result.fault))},
                       {"claims", result.ok() ? Json(result.claims) : Json(nullptr)}}
                      .dump() +
                  "\n");
  else if (result.ok())
    context.print(result.claims.dump() + "\n");
  if (!result.ok()) context.confirm("not valid: " + std::string(text_of(result.fault)));
  return result.ok() ? 0 : 1;
}

cli::Command verify_token_command() {
  auto o = std::make_shared<TokenVerifyOptions>();
  cli::Command command("verify", "tell whether a token is valid (exit code 0) or not (1)");
  command.description(
      "The algorithm is the key's and never the token's: EdDSA for a public key, HS256 for an API "
      "secret. Prints the claims of a valid token. Clocks may differ by 30 s.");
  command.positional("SOURCE", o->source, "where the token is: @-, @file:PATH, @fd:N").optional();
  command.option("--stream", o->stream, "NAME", "it must let viewers of this stream in")
      .completes(cli::Completion::kStream);
  command.option("--issuer", o->issuer, "NAME", "it must be from this issuer (LiveKit: API key)");
  command
      .option("--public-key", o->public_key, "FILE",
              "check with this key, as stream-keys token public-key prints it")
      .completes(cli::Completion::kFile)
      .excludes("api-secret");
  command.option("--api-secret", o->api_secret, "SOURCE",
                 "check a LiveKit token: where the API secret is, @vault:NAME or @file:PATH");
  command.option("--key", o->key, "NAME", "check with this signing key of the vault")
      .shows_default(kViewerKey);
  o->declare(command);
  command.run(cli::predicate([o](cli::Context& context) { return verify_token(context, *o); }));
  return command;
}

}  // namespace

std::chrono::sys_seconds now_seconds() {
  return std::chrono::floor<std::chrono::seconds>(wall_now());
}

std::chrono::seconds token_life(Duration expires) {
  const auto life = std::chrono::duration_cast<std::chrono::seconds>(expires.value);
  if (life < std::chrono::seconds(1) || life > std::chrono::hours(24 * 366))
    throw Error(Exit::kUsage, "token.expires", "--expires " + to_text(expires) + " is out of range",
                "from 1s to 366d; short is better, a token can't be taken back");
  return life;
}

void print_token(const cli::Context& context, const std::string& token, std::chrono::seconds life) {
  if (!context.json()) return context.print(token + "\n");
  const auto expires = std::chrono::system_clock::time_point(now_seconds() + life);
  context.print(
      Json{{"schema", "stream.token/1"}, {"token", token}, {"expires", rfc3339(expires)}}.dump() +
      "\n");
}

cli::Command token_command() {
  cli::Command command("token", "make and check access tokens");
  command.subcommand(viewer_command());
  command.subcommand(publish_command());
  command.subcommand(livekit_command());
  command.subcommand(public_key_command());
  command.subcommand(verify_token_command());
  return command;
}

}  // namespace stream::tools

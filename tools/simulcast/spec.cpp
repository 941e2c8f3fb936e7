#include "spec.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "base/url.h"
#include "cli/secret_source.h"
#include "forward/file_link.h"
#include "os/fd.h"

namespace stream::simulcast {
namespace {

constexpr char kForm[] =
    "write NAME=URL, NAME=@file:PATH or NAME=URL,key=@vault:NAME; optional ,profile=PLATFORM "
    ",encode=auto|never|always ,video=720p@4000k ,enhanced=auto|always ,priority=1..9";
constexpr std::string_view kOptions[] = {
    ",key=", ",profile=", ",encode=", ",video=", ",enhanced=", ",priority="};

bool only_once(std::string_view source) {
  return source == "@-" || source.starts_with("@fd:");
}

std::string profile_names() {
  std::string names;
  for (const auto& profile : media::forward_profiles())
    names += (names.empty() ? "" : ", ") + std::string(profile.name);
  return names;
}

// The options behind WHERE: words of ours only, so that a URL may hold commas.
size_t find_option(std::string_view text, size_t from) {
  size_t first = text.npos;
  for (const std::string_view word : kOptions) {
    first = std::min(first, text.find(word, from));
  }
  return first;
}

media::EncodeMode parse_encode(const Spec& spec, const std::string& value) {
  if (value == "auto") return media::EncodeMode::kAuto;
  if (value == "never") return media::EncodeMode::kNever;
  if (value == "always") return media::EncodeMode::kAlways;
  throw Error(Exit::kUsage, "destination.encode",
              "destination " + spec.name + ": encode= is not '" + escaped(value, 60) + "'",
              "it is auto, never or always");
}

void set_option(Spec& spec, std::string_view name, const std::string& value) {
  if (name == "key") {
    if (!cli::is_secret_source(value))
      throw Error(Exit::kUsage, "secret.source",
                  "destination " + spec.name + ": key= wants the source of a secret, not the key",
                  "for example key=@vault:NAME, key=@file:PATH");
    spec.key = value;
    return;
  }
  if (name == "encode") {
    spec.encode = parse_encode(spec, value);
    return;
  }
  if (name == "video") {
    try {
      spec.video = media::parse_rung(value);
      if (spec.video->source)
        throw Error(Exit::kUsage, "rung.invalid", "pictures as they are need no video=");
    } catch (const Error& e) {
      throw Error(Exit::kUsage, "destination.video",
                  "destination " + spec.name + ": video=" + escaped(value, 60) + ": " + e.what(),
                  "write it like video=720p@4000k or video=720p@4000k,preset=fast");
    }
    return;
  }
  if (name == "enhanced") {
    if (value != "auto" && value != "always")
      throw Error(Exit::kUsage, "destination.enhanced",
                  "destination " + spec.name + ": enhanced= is not '" + escaped(value, 60) + "'",
                  "it is auto, as the destination announces, or always");
    spec.assume_enhanced = value == "always";
    return;
  }
  if (name == "priority") {
    if (value.size() != 1 || value[0] < '1' || value[0] > '0' + media::Uplink::kMostPriority)
      throw Error(Exit::kUsage, "destination.priority",
                  "destination " + spec.name + ": priority= is not '" + escaped(value, 60) + "'",
                  "it is a digit from 1 to 9, the most important");
    spec.priority = value[0] - '0';
    return;
  }
  spec.profile = media::find_forward_profile(value);
  if (spec.profile == nullptr)
    throw Error(Exit::kUsage, "destination.profile",
                "destination " + spec.name + ": there is no profile '" + escaped(value, 60) + "'",
                "the profiles are " + profile_names());
}

std::shared_ptr<const Secret> read_now(const std::string& source) {
  return only_once(source) ? std::make_shared<const Secret>(cli::read_secret(source)) : nullptr;
}

}  // namespace

Spec parse_spec(std::string_view text) {
  Spec spec;
  const size_t equals = text.find('=');
  if (equals == text.npos || equals == 0)
    throw Error(Exit::kUsage, "destination.spec",
                "a destination has no name (not shown: it may hold a key)", kForm);
  spec.text = text;
  spec.name = text.substr(0, equals);
  check_stream_name(spec.name);
  size_t option = find_option(text, equals);
  spec.where = text.substr(equals + 1, option == text.npos ? text.npos : option - equals - 1);
  while (option != text.npos) {
    const size_t next = find_option(text, option + 1);
    const std::string_view pair =
        text.substr(option + 1, next == text.npos ? text.npos : next - option - 1);
    const size_t split = pair.find('=');
    set_option(spec, pair.substr(0, split), std::string(pair.substr(split + 1)));
    option = next;
  }
  if (spec.video && spec.encode == media::EncodeMode::kNever)
    throw Error(Exit::kUsage, "destination.encode",
                "destination " + spec.name + ": video= says how to encode, and encode=never not to",
                "leave one of them out");
  if (spec.profile == nullptr) spec.profile = media::find_forward_profile(spec.name);
  if (spec.profile == nullptr) spec.profile = media::find_forward_profile("custom");
  if (spec.where.empty() && (spec.key.empty() || spec.profile->server.empty()))
    throw Error(Exit::kUsage, "destination.spec", "destination " + spec.name + " has no address",
                kForm);
  if (!spec.file().empty()) {
    media::file_kind(spec.file());  // tells now what is wrong with it
    return spec;
  }
  if (!spec.where.empty() && !cli::is_secret_source(spec.where)) {
    const Secret placeholder(spec.key.empty() ? std::string() : std::string("key"));
    media::parse_target(spec.where, placeholder);  // tells now what is wrong with it
  }
  spec.where_secret = read_now(spec.where);
  spec.key_secret = read_now(spec.key);
  return spec;
}

void parse_value(std::string_view text, Spec& out) {
  out = parse_spec(text);
}

media::ForwardTarget Spec::target() const {
  const auto read = [](const std::string& source, const std::shared_ptr<const Secret>& known) {
    return known ? *known : cli::read_secret(source);
  };
  const Secret secret_key = key.empty() ? Secret() : read(key, key_secret);
  const std::string server(profile->server);
  if (where.empty()) return media::parse_target(server, secret_key);
  if (!cli::is_secret_source(where)) return media::parse_target(where, secret_key, cli::secret_of);
  const Secret given = read(where, where_secret);
  if (given.reveal().find("://") != std::string_view::npos)
    return media::parse_target(given.reveal(), secret_key, cli::secret_of);
  if (server.empty())
    throw Error(Exit::kUsage, "destination.url",
                where + " holds a key, and the server of " + name + " is not known",
                "write " + name + "=rtmp://HOST/APP,key=" + where);
  return media::parse_target(server, given);
}

media::EncodeMode Spec::encode_mode() const {
  if (encode) return *encode;
  return video ? media::EncodeMode::kAlways : media::EncodeMode::kSound;
}

std::string Spec::file() const {
  constexpr std::string_view kScheme = "file:";
  return where.starts_with(kScheme) ? where.substr(kScheme.size()) : std::string();
}

std::string Spec::shown() const {
  if (!file().empty()) return where;
  if (cli::is_secret_source(where)) return where;
  if (where.empty()) return std::string(profile->server);
  const auto url = parse_url(where);
  return url ? url->redacted() : std::string();
}

bool Spec::keepable() const {
  if (only_once(where) || only_once(key)) return false;
  const auto url = parse_url(where);
  return !url || !cli::carries_secret(*url) || !key.empty();
}

void check_command_line(const std::vector<Spec>& specs) {
  const std::string line = os::read_file("/proc/self/cmdline");
  if (line.find(std::string("--insecure-argv") + '\0') != line.npos) return;
  for (const Spec& spec : specs) {
    const auto url = parse_url(spec.where);
    if (!url || !cli::carries_secret(*url) || line.find(spec.where) == line.npos) continue;
    throw Error(Exit::kUsage, "secret.argv",
                "the URL of " + spec.name + " (" + url->redacted() +
                    ") seems to carry a key, and everybody on this machine can read it there",
                "put the URL into a file of mode 0600 and write " + spec.name +
                    "=@file:PATH, or use the vault (--insecure-argv for a throw-away key)");
  }
}

}  // namespace stream::simulcast

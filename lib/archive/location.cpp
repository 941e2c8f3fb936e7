#include "archive/location.h"

#include <arpa/inet.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "archive/chat_store.h"
#include "archive/dir_store.h"
#include "base/error.h"
#include "base/text.h"
#include "base/url.h"
#include "os/fd.h"

namespace stream::archive {

namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::string first_of(std::initializer_list<std::string> values) {
  for (const std::string& value : values)
    if (!value.empty()) return value;
  return {};
}

std::string profile() {
  return first_of({variable("AWS_PROFILE"), "default"});
}

std::string aws_file(const char* override_name, const char* name) {
  const std::string path = first_of({variable(override_name), variable("HOME") + "/.aws/" + name});
  return ::access(path.c_str(), R_OK) == 0 ? os::read_file(path, 1 << 20) : std::string();
}

// A setting of ~/.aws/config, whose sections are called "profile NAME" but for the default's.
std::string aws_setting(const std::string& name) {
  const std::string section = profile() == "default" ? "default" : "profile " + profile();
  return ini_value(aws_file("AWS_CONFIG_FILE", "config"), section, name).value_or("");
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
    text.remove_suffix(1);
  return text;
}

Credentials find_credentials(const std::function<Secret()>& secret) {
  if (secret) {
    if (const auto found = parse_credentials(secret(), profile())) return *found;
    throw Error(
        Exit::kConfig, "archive.credentials",
        "the credentials are neither ID:KEY nor a section of a credentials file (not shown)",
        "put them there as ID:KEY, for example: stream-keys vault put s3 @-");
  }
  const std::string id = variable("AWS_ACCESS_KEY_ID");
  if (!id.empty() && variable("AWS_PROFILE").empty()) {
    return {id, Secret(variable("AWS_SECRET_ACCESS_KEY")), Secret(variable("AWS_SESSION_TOKEN"))};
  }
  const Secret file(aws_file("AWS_SHARED_CREDENTIALS_FILE", "credentials"));
  if (const auto found = parse_credentials(file, profile())) return *found;
  throw Error(Exit::kNotAllowed, "archive.credentials", "there are no credentials for the store",
              "pass --credentials @vault:NAME, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
              "or write ~/.aws/credentials");
}

[[noreturn]] void bad_location(const std::string& text, const char* why) {
  throw Error(Exit::kUsage, "archive.location", "\"" + escaped(text) + "\" is no store: " + why,
              "for example s3://bucket/prefix, dir:/srv/archive or telegram://@channel");
}

// "@channel", "channel", or a number as Telegram gives it to chats.
bool is_chat(std::string_view name) {
  const auto all = [](std::string_view text, auto&& test) {
    return !text.empty() && std::all_of(text.begin(), text.end(), test);
  };
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const std::string_view number = name.substr(name.starts_with("-") ? 1 : 0);
  if (all(number, digit)) return number.size() <= 18;
  name.remove_prefix(name.starts_with("@") ? 1 : 0);
  return name.size() >= 4 && name.size() <= 32 && letter(name[0]) &&
         all(name, [&](char c) { return letter(c) || digit(c) || c == '_'; });
}

// Where a token may go without TLS: this machine, a private network (RFC 1918), a name without a
// domain. A name that only begins like an address is none.
bool is_near(const std::string& host) {
  if (is_loopback_host(host)) return true;
  in_addr address{};
  if (::inet_pton(AF_INET, host.c_str(), &address) == 1) {
    const uint32_t v4 = ntohl(address.s_addr);
    return v4 >> 24 == 10 || v4 >> 20 == 0xac1 || v4 >> 16 == 0xc0a8;
  }
  return host.find_first_of(".:") == host.npos;
}

bool is_bucket(const std::string& name) {
  if (name.size() < 3 || name.size() > 63) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
           (c >= 'A' && c <= 'Z');
  });
}

// Cuts a final '/' off; the scheme and the host, when there are any.
std::optional<Url> check_endpoint(std::string& endpoint) {
  while (!endpoint.empty() && endpoint.back() == '/') endpoint.pop_back();
  if (endpoint.empty()) return std::nullopt;
  const auto url = parse_url(endpoint);
  if (!url || (url->scheme != "https" && url->scheme != "http") || !url->path.empty() ||
      !url->user.empty()) {
    throw Error(Exit::kUsage, "archive.location",
                "the endpoint \"" + escaped(endpoint) + "\" is not of the form https://HOST",
                "for example https://ACCOUNT.r2.cloudflarestorage.com");
  }
  return url;
}

void open_chat(OpenStore& open, const StoreSettings& settings) {
  BotOptions options;
  options.endpoint = first_of({settings.endpoint, kBotHost});
  const auto url = check_endpoint(options.endpoint);
  if (url->scheme != "https" && !is_near(url->host)) {
    throw Error(Exit::kUsage, "archive.location",
                "the bot's token would go in plain text to " + escaped(url->host),
                "reach the server by https://, or on this machine or a private network");
  }
  options.limits = settings.limits;
  options.patience = settings.patience;
  options.token = settings.secret;
  options.trouble = settings.trouble;
  open.endpoint = options.endpoint;
  open.transfers = std::make_unique<fetch::Transfers>();
  open.transfers->limit_rate(settings.rate);
  auto store = std::make_unique<ChatStore>(std::move(options), real_world(*open.transfers),
                                           open.location.chat,
                                           settings.state + "/chats/" + open.location.chat);
  open.message_limit = store->upload_limit();
  open.download_limit = store->download_limit();
  open.store = std::move(store);
}

}  // namespace

std::optional<std::string> ini_value(std::string_view text, std::string_view section,
                                     std::string_view name) {
  bool inside = false;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    if (line[0] == '[') {
      inside = line.back() == ']' && trimmed(line.substr(1, line.size() - 2)) == section;
    } else if (const size_t equals = line.find('='); inside && equals != line.npos) {
      if (trimmed(line.substr(0, equals)) == name)
        return std::string(trimmed(line.substr(equals + 1)));
    }
  }
  return std::nullopt;
}

std::optional<Credentials> parse_credentials(const Secret& text, const std::string& section) {
  const std::string_view all = text.reveal();
  const size_t colon = all.find(':');
  const bool one_line = all.find('\n') == all.npos && all.find('=') > colon;
  if (one_line && colon != all.npos && colon > 0) {
    const std::string_view rest = all.substr(colon + 1);
    const size_t second = rest.find(':');
    if (rest.substr(0, second).empty()) return std::nullopt;
    return Credentials{
        std::string(all.substr(0, colon)), Secret(std::string(rest.substr(0, second))),
        Secret(second == rest.npos ? std::string() : std::string(rest.substr(second + 1)))};
  }
  const auto id = ini_value(all, section, "aws_access_key_id");
  const auto key = ini_value(all, section, "aws_secret_access_key");
  if (!id || !key || id->empty() || key->empty()) return std::nullopt;
  return Credentials{*id, Secret(*key),
                     Secret(ini_value(all, section, "aws_session_token").value_or(""))};
}

std::string Location::text() const {
  if (kind == Kind::kDirectory) return "dir:" + path;
  if (kind == Kind::kChat) return "telegram://" + chat;
  return "s3://" + bucket + (prefix.empty() ? "" : "/" + prefix.substr(0, prefix.size() - 1));
}

Location parse_location(const std::string& text) {
  Location location;
  if (text.starts_with("dir:")) {
    const std::string path = text.substr(4);
    if (path.empty()) bad_location(text, "a path is missing");
    location.path = std::filesystem::absolute(path).lexically_normal();
    return location;
  }
  if (text.starts_with("telegram://")) {
    location.kind = Location::Kind::kChat;
    location.chat = text.substr(11);
    if (!is_chat(location.chat)) bad_location(text, "that can't be a chat's name or number");
    const bool named = location.chat[0] > '9' && location.chat[0] != '@';
    if (named) location.chat.insert(0, "@");
    return location;
  }
  if (!text.starts_with("s3://"))
    bad_location(text, "it begins neither with s3:// nor with dir: nor with telegram://");
  location.kind = Location::Kind::kS3;
  const std::string rest = text.substr(5);
  const size_t slash = std::min(rest.find('/'), rest.size());
  location.bucket = rest.substr(0, slash);
  if (!is_bucket(location.bucket)) bad_location(text, "the bucket's name is not valid");
  location.prefix = rest.substr(std::min(slash + 1, rest.size()));
  while (!location.prefix.empty() && location.prefix.back() == '/') location.prefix.pop_back();
  if (!location.prefix.empty()) {
    check_key(location.prefix);
    location.prefix += '/';
  }
  return location;
}

OpenStore open_store(const Location& location, const StoreSettings& settings) {
  OpenStore open;
  open.location = location;
  if (location.kind == Location::Kind::kDirectory) {
    open.store = std::make_unique<DirStore>(location.path);
    return open;
  }
  if (location.kind == Location::Kind::kChat) {
    open_chat(open, settings);
    return open;
  }
  S3Options options;
  options.bucket = location.bucket;
  options.endpoint = first_of({settings.endpoint, variable("AWS_ENDPOINT_URL_S3"),
                               variable("AWS_ENDPOINT_URL"), aws_setting("endpoint_url")});
  check_endpoint(options.endpoint);
  options.region = first_of({settings.region, variable("AWS_REGION"),
                             variable("AWS_DEFAULT_REGION"), aws_setting("region"), "us-east-1"});
  options.addressing = settings.addressing;
  options.limits = settings.limits;
  options.patience = settings.patience;
  options.credentials = [secret = settings.secret] { return find_credentials(secret); };
  options.trouble = settings.trouble;
  open.endpoint = options.endpoint;
  options.credentials();  // to fail now rather than in the midst
  open.transfers = std::make_unique<fetch::Transfers>();
  open.transfers->limit_rate(settings.rate);
  open.store = std::make_unique<S3Store>(std::move(options), *open.transfers);
  return open;
}

}  // namespace stream::archive

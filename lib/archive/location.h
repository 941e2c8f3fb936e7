// Which store, and where in it: "s3://BUCKET[/PREFIX]", "dir:PATH" and "telegram://CHAT".
// Credentials of S3 come from the source that the caller reads (a vault's entry, for one), else
// from AWS_ACCESS_KEY_ID and its kin, else from ~/.aws/credentials and ~/.aws/config; a bot's token
// from that source alone.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "archive/s3_store.h"
#include "archive/store.h"
#include "base/secret.h"

namespace stream::archive {

struct Location {
  enum class Kind { kS3, kDirectory, kChat };
  Kind kind = Kind::kDirectory;
  std::string bucket;  // of S3
  std::string path;    // of a directory, absolute
  std::string chat;    // of Telegram: "@name" or a number
  std::string prefix;  // empty, or ends with '/'
  std::string text() const;
};

// Throws Error kUsage "archive.location".
Location parse_location(const std::string& text);

struct StoreSettings {
  std::string endpoint, region;  // empty: AWS_ENDPOINT_URL, AWS_REGION, ~/.aws/config, AWS
  Addressing addressing = Addressing::kAuto;
  // "ID:KEY[:TOKEN]" or a section of a credentials file; of a chat the bot's token.
  std::function<Secret()> secret;
  std::string state;  // a directory; where a chat's records are kept
  Nanoseconds patience = std::chrono::hours(24);
  fetch::PhaseLimits limits;
  uint64_t rate = 0;  // bytes per second; 0: no limit
  std::function<void(const Trouble&)> trouble;
};

struct OpenStore {
  std::unique_ptr<fetch::Transfers> transfers;  // of S3 and chats
  std::unique_ptr<Store> store;
  Location location;
  std::string endpoint;
  uint64_t message_limit = 0;   // of a chat: what one message holds,
  uint64_t download_limit = 0;  // and what can be fetched out of it
  std::string key(const std::string& path) const { return location.prefix + path; }
};
OpenStore open_store(const Location& location, const StoreSettings& settings);

// What a vault's entry or a file says: "ID:KEY[:TOKEN]", or lines "aws_access_key_id = ...".
// nullopt when it is neither.
std::optional<Credentials> parse_credentials(const Secret& text, const std::string& profile);
// A value of an INI file's section; nullopt without it.
std::optional<std::string> ini_value(std::string_view text, std::string_view section,
                                     std::string_view name);

}  // namespace stream::archive

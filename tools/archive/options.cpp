#include <algorithm>
#include <atomic>
#include <filesystem>

#include "base/error.h"
#include "base/log.h"
#include "cli/secret_source.h"
#include "os/dirs.h"
#include "verbs.h"

namespace stream::archive {

void StoreOptions::declare(cli::Command& command, const std::string& flag, bool required) {
  auto& where = command.option(
      flag, url, "URL",
      "the store, and where in it: s3://BUCKET[/PREFIX], dir:PATH or telegram://CHAT");
  if (required) where.required();
  command.section("Store");
  command
      .option(
          "--endpoint", endpoint, "URL",
          "where the S3 store is, for example https://ACCOUNT.r2.cloudflarestorage.com, or a Bot "
          "API server of one's own")
      .shows_default("AWS_ENDPOINT_URL, ~/.aws/config, AWS; of a chat https://api.telegram.org");
  command.option("--region", region, "NAME", "the bucket's region; a wrong one is corrected")
      .shows_default("AWS_REGION, ~/.aws/config, us-east-1");
  command
      .option("--addressing", addressing, "HOW",
              "whether the bucket stands in the path or in the host's name")
      .choices({"auto", "path", "virtual"});
  command
      .option(
          "--credentials", credentials, "SOURCE",
          "ID:KEY[:TOKEN] or a credentials file, given as @vault:NAME, @file:PATH, @cred:NAME "
          "or @fd:N; without it AWS_ACCESS_KEY_ID and ~/.aws/credentials are used; for a chat the "
          "bot's token")
      .shows_default("");
  command.option("--retry-for", retry_for, "TIME",
                 "how long a request is tried again while the store fails");
  command.option("--stall-timeout", stall, "TIME",
                 "a connection on which nothing moves for this long is given up and made anew");
  command.option("--limit", limit, "RATE", "bandwidth for sending, in bit/s; 0bps is no limit")
      .shows_default("no limit");
  command.section("");
  command.check([this] {
    if (!credentials.empty() && !cli::is_secret_source(credentials)) {
      throw Error(Exit::kUsage, "secret.source",
                  "--credentials: a secret was given as plain text (not shown)",
                  "pass where it is: @vault:NAME, @file:PATH, @cred:NAME or @fd:N");
    }
    if (stall.value < std::chrono::milliseconds(100) || retry_for.value.count() < 0) {
      throw Error(Exit::kUsage, "usage.value",
                  "--stall-timeout: " + to_text(stall) + " is too short",
                  "for example --stall-timeout 60s");
    }
    if (!url.empty()) parse_location(url);
  });
}

OpenStore StoreOptions::open(std::function<void(const Trouble&)> trouble) const {
  StoreSettings settings;
  settings.endpoint = endpoint;
  settings.region = region;
  settings.addressing = addressing == "path"      ? Addressing::kPath
                        : addressing == "virtual" ? Addressing::kVirtual
                                                  : Addressing::kAuto;
  if (!credentials.empty()) {
    // A descriptor can be read once; the others again, when what they held has expired.
    const bool once = credentials == "@-" || credentials.starts_with("@fd:");
    settings.secret = [source = credentials, once, kept = std::optional<Secret>()]() mutable {
      if (!once || !kept) kept = cli::read_secret(source);
      return *kept;
    };
  }
  settings.patience = retry_for.value;
  const auto stalled = std::chrono::duration_cast<std::chrono::milliseconds>(stall.value);
  settings.limits.send = settings.limits.answer = settings.limits.receive = stalled;
  settings.limits.connect = std::min(settings.limits.connect, stalled);
  settings.rate = static_cast<uint64_t>(std::max<int64_t>(0, limit.bps)) / 8;
  settings.state = os::state_dir() + "/archive";
  settings.trouble = std::move(trouble);
  return open_store(parse_location(url), settings);
}

std::shared_ptr<OpenStore> StoreOptions::open_for(control::Service& service) const {
  auto store = std::make_shared<OpenStore>(open(tell_trouble(service)));
  service.on_stop([store] { store->store->stop(); });
  return store;
}

void IndexOptions::declare(cli::Command& command) {
  command.option("--max-age", max_age, "TIME",
                 "the local index of the catalogue is brought up to date when it is older");
}

void EventOptions::declare(cli::Command& command) {
  command
      .option("--events", events, "-|FD|FILE|unix:PATH",
              "write events as JSON lines; stream-events(7) lists them")
      .completes(cli::Completion::kFile);
}

control::ServiceOptions EventOptions::service() const {
  return {"archive", "", events};
}

std::string state_dir() {
  const std::string path = os::state_dir() + "/archive";
  os::make_dirs(path);
  return path;
}

std::string absolute_directory(const std::string& path) {
  const auto out = std::filesystem::absolute(path).lexically_normal();
  return out.has_filename() ? out : out.parent_path();
}

std::function<void(const Trouble&)> tell_trouble(control::Service& service) {
  return [&service, last = std::make_shared<std::atomic<int64_t>>(0)](const Trouble& trouble) {
    service.emit("store.retrying",
                 {{"url", trouble.url},
                  {"reason", trouble.reason},
                  {"tries", trouble.tries},
                  {"wait_seconds", std::chrono::duration<double>(trouble.wait).count()}});
    const int64_t now = monotonic_now().count();
    int64_t before = *last;
    const int64_t minute = Nanoseconds(std::chrono::minutes(1)).count();
    if ((before == 0 || now - before > minute) && last->compare_exchange_strong(before, now))
      log::warning("the store fails and is tried again: " + trouble.url + ": " + trouble.reason);
  };
}

}  // namespace stream::archive

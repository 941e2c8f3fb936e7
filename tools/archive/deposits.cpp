#include "deposits.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "cut.h"

namespace stream::archive {
namespace {

constexpr char kNotFetched[] =
    ": messages of more than 20 MB can't be fetched again through the hosted Bot API; those of "
    "--part-size 19MB can";
constexpr uint64_t kPartSize = 16 << 20;
constexpr uint64_t kLeastPart = 1 << 20, kMostPart = uint64_t{5} << 30;  // 5 GiB: S3's own bound

Archiver::Events put_events(control::Service& service, Progress& progress) {
  Archiver::Events events;
  events.total = [&](int64_t bytes) { progress.add_total(bytes); };
  events.done = [&](int64_t bytes) { progress.add_done(bytes); };
  const auto tell = [&service](const char* event) {
    return [&service, event](const std::string& path, const Receipt& receipt) {
      service.emit(event, {{"path", path},
                           {"key", receipt.key},
                           {"bytes", receipt.size},
                           {"sha256", receipt.sha256},
                           {"sent_bytes", receipt.sent_bytes}});
    };
  };
  events.stored = tell("object.stored");
  events.verified = tell("object.verified");
  events.deleted = [&service](const std::string& path) {
    service.emit("file.deleted", {{"path", path}});
  };
  return events;
}

// How large the parts are, and how many go at a time.
UploadSettings settings_of(const DepositOptions& o, const OpenStore& store) {
  UploadSettings settings{kPartSize, o.parallel};
  if (store.message_limit > 0) settings = {store.message_limit, 1};
  if (o.part_size) settings.part_size = o.part_size->bytes;
  if (store.message_limit > 0 && settings.part_size > store.message_limit) {
    throw Error(Exit::kUsage, "usage.value",
                "--part-size: " + to_text(*o.part_size) + " is more than a message holds there",
                "at most " + std::to_string(store.message_limit / 1'000'000) + "MB");
  }
  return settings;
}

void cut_for(Archiver& archiver, const OpenStore& store, uint64_t part_size,
             control::Service& service) {
  archiver.cut_by([&store, part_size, &service](const Deposit& d, const std::string& scratch) {
    const bool large = std::any_of(d.files.begin(), d.files.end(), [&](const DepositFile& f) {
      return std::filesystem::file_size(f.local) > store.download_limit;
    });
    if (large && part_size > store.download_limit) log::warning(d.id + kNotFetched);
    return cut_for_chat(d, part_size, scratch, service);
  });
}

}  // namespace

void DepositOptions::declare(cli::Command& command) {
  command.option("--delete-after", delete_after, "WHEN", "when the local copy is deleted")
      .choices({"never", "verified"});
  command.flag("--private", is_private, "only users who are allowed may see it");
  command.option("--allow", allow, "USER", "a user who may see it when it is private");
  command.flag("--hidden", hidden, "leave it out of lists, and show it by token only");
  command.option("--owner", owner, "USER", "whose data it is, for export --user");
  command.option("--part-size", part_size, "SIZE", "of an upload in parts")
      .shows_default("16MiB; of a chat what a message holds");
  command.option("--parallel", parallel, "N", "parts under way at a time, of all files");
}

void DepositOptions::check(const StoreOptions& store) const {
  const auto usage = [](const std::string& what, const char* hint) {
    throw Error(Exit::kUsage, "usage.value", what, hint);
  };
  if (parallel < 1 || parallel > 64) usage("--parallel: not from 1 to 64", "4 is usual");
  if (part_size && (part_size->bytes < kLeastPart || part_size->bytes > kMostPart))
    usage("--part-size: not from 1MiB to 5GiB", "16MiB is usual");
  if (!allow.empty() && !is_private)
    usage("--allow: everybody may see what is public", "add --private, or leave it out");
  if (store.url.empty() || parse_location(store.url).kind != Location::Kind::kChat) return;
  if (store.credentials.empty())
    usage("--credentials is needed for a chat: the bot's token", "--credentials @vault:bot");
  if (deletes())
    usage("--delete-after verified: a chat is a mirror, no archive",
          "put it into a directory or a bucket as well, and delete it after that");
}

Depositor::Depositor(const DepositOptions& options, OpenStore& store, control::Service& service,
                     Progress& progress)
    : service_(service),
      parallel_(options.parallel),
      settings_(settings_of(options, store)),
      catalog_(store, state_dir()),
      archiver_(store, catalog_, settings_, state_dir(), put_events(service, progress)) {
  if (store.message_limit > 0) cut_for(archiver_, store, settings_.part_size, service);
  archiver_.abort_orphans();
}

void Depositor::run(const std::vector<Deposit>& deposits,
                    const std::function<void(const Deposit&)>& done) {
  std::vector<std::thread> threads;
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i; (i = next++) < deposits.size() && !service_.stopping();)
      if (one(deposits[i]) && done) done(deposits[i]);
  };
  for (unsigned i = 0; i < std::min<size_t>(parallel_, deposits.size()); ++i)
    threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
}

bool Depositor::one(const Deposit& deposit, const Uploader::Growth& growth) {
  try {
    const Archiver::Outcome outcome = archiver_.deposit(deposit, growth);
    const CatalogEntry& entry = outcome.entry;
    Json keys = Json::array();
    for (const CatalogFile& file : entry.files) keys.push_back(file.receipt.key);
    service_.emit("recording.archived", {{"recording", entry.id},
                                         {"bytes", entry.bytes()},
                                         {"sent_bytes", outcome.sent_bytes},
                                         {"verified", outcome.verified}});
    const std::lock_guard lock(mutex_);
    results_.push_back({{"recording", entry.id},
                        {"stream", entry.stream.empty() ? Json(nullptr) : Json(entry.stream)},
                        {"keys", keys},
                        {"size_bytes", entry.bytes()},
                        {"sent_bytes", outcome.sent_bytes},
                        {"was_there", outcome.was_there},
                        {"verified", outcome.verified},
                        {"deleted", outcome.deleted}});
    return true;
  } catch (const Error& error) {
    if (error.id() == "archive.stopped") return false;
    failed(deposit.manifest_path.empty() && !deposit.files.empty() ? deposit.files[0].local
                                                                   : deposit.manifest_path,
           error);
    return false;
  }
}

void Depositor::failed(const std::string& path, const Error& error) {
  log::error(error.what());
  service_.emit("file.failed", {{"path", path}, {"reason", error.what()}, {"error", error.id()}});
  const std::lock_guard lock(mutex_);
  failures_.push_back(error);
}

Json Depositor::take_results() {
  const std::lock_guard lock(mutex_);
  return std::exchange(results_, Json::array());
}

std::vector<Error> Depositor::take_failures() {
  const std::lock_guard lock(mutex_);
  return std::exchange(failures_, {});
}

std::string line_of(const Json& result, const OpenStore& store) {
  return result["recording"].get<std::string>() +
         (result["was_there"] ? " was there already, in " : " is in ") + store.location.text() +
         (result["deleted"] ? "; the local copy is deleted" : "");
}

}  // namespace stream::archive

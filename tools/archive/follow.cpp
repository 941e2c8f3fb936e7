// follow: what a stream makes goes into a store as it is made: its recordings and its live output.
#include <poll.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "archive/hash.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "follow_recordings.h"
#include "mirroring.h"
#include "os/dirs.h"

namespace stream::archive {
namespace {

using namespace std::chrono_literals;

constexpr char kFollowing[] =
    "Each recording of the stream in --recordings is put, as put does it, as soon as its manifest "
    "says that it has ended; what fails is tried again. The output in --live is mirrored as push "
    "does it, one presentation after the other. Neither waits for the other, and neither touches "
    "what is recorded or shown. --limit is for the recordings: the live output is sent as it "
    "comes.\n\n"
    "What has arrived is noted on this machine, in STATE/archive/followed: it is sent once, also "
    "when it was deleted in the store later on. After a kill the next run goes on where it was.\n\n"
    "stream-ctl runs it for a stream file's section archive.";

constexpr Nanoseconds kLook = 1s, kLiveRequest = 10s, kAfterFailure = 30s;
constexpr unsigned kLiveParallel = 16;

struct FollowVerb : StoreOptions, EventOptions, DepositOptions {
  std::string stream, recordings, live;
  bool keep = false, once = false;
};

// The live output, in a thread of its own.
class LiveFollower {
 public:
  LiveFollower(const FollowVerb& o, Ledger& ledger, control::Service& service)
      : o_(o), directory_(absolute_directory(o.live)), ledger_(ledger), service_(service) {
    thread_ = std::thread([this] { run(); });
  }
  ~LiveFollower() {
    if (thread_.joinable()) thread_.join();
  }

  // What its last try failed with.
  std::optional<Error> join() {
    thread_.join();
    return error_;
  }
  Json status() const {
    const std::lock_guard lock(mutex_);
    return mirroring_ ? status_json(mirroring_->status(), mirroring_->url()) : Json(nullptr);
  }

 private:
  void run() {
    while (!service_.stopping()) {
      const std::string mark = mark_of_output(directory_);
      const bool is_new = !mark.empty() && !ledger_.has(directory_, mark);
      if (is_new) mirror();
      if (o_.once) return;
      service_.wait_stop(
          std::chrono::duration_cast<std::chrono::milliseconds>(error_ ? kAfterFailure : kLook));
    }
  }

  void mirror() {
    try {
      StoreOptions live = o_;
      live.retry_for = {kLiveRequest};  // what fails after that is tried with what is newest then
      live.limit = {};
      MirrorOptions options;
      options.directory = directory_;
      options.parallel = kLiveParallel;
      options.keep = o_.keep;
      options.once = o_.once;
      if (o_.once) options.patience = o_.retry_for.value;
      options.stop_fd = service_.stop_fd();
      const auto mirroring =
          std::make_shared<Mirroring>(live.open_for(service_), service_, options, o_.stream);
      set(mirroring);
      if (mirroring->run()) ledger_.add(directory_, mark_of_output(directory_));
      error_.reset();
    } catch (const Error& error) {
      if (error.id() == "archive.stopped") return;
      log::error("the live output: " + std::string(error.what()));
      error_ = error;
    }
    set(nullptr);
  }

  void set(std::shared_ptr<Mirroring> mirroring) {
    const std::lock_guard lock(mutex_);
    mirroring_ = std::move(mirroring);
  }

  const FollowVerb& o_;
  const std::string directory_;
  Ledger& ledger_;
  control::Service& service_;
  mutable std::mutex mutex_;
  std::shared_ptr<Mirroring> mirroring_;
  std::optional<Error> error_;  // of the last try
  std::thread thread_;
};

std::string ledger_path(const FollowVerb& o) {
  const std::string folder = state_dir() + "/followed";
  os::make_dirs(folder);
  return folder + "/" +
         sha256_of(o.endpoint + "\n" + parse_location(o.url).text() + "\n" + o.stream)
             .substr(0, 24);
}

Exit follow(const FollowVerb& o, const cli::Context& context, control::Service& service) {
  const std::string path = ledger_path(o);
  const os::FileLock lock(path + ".lock", "what goes from '" + o.stream + "' to " + o.url);
  Ledger ledger(path + ".json");
  const std::shared_ptr<OpenStore> store = o.open_for(service);
  Progress progress(context, service, "uploading");
  Depositor depositor(o, *store, service, progress);
  Json archived = Json::array();
  std::optional<RecordingsFollower> recordings;
  if (!o.recordings.empty())
    recordings.emplace(
        RecordingsFollower::Settings{absolute_directory(o.recordings), o.stream, o.once}, o,
        depositor, ledger, service, [&](const Json& result) {
          context.confirm(line_of(result, *store));
          if (o.once) archived.push_back(result);
        });
  std::optional<LiveFollower> live;
  const StatusEnd end{service};
  service.status([&](const std::string&) {
    return Json{{"store", store->location.text()},
                {"recordings", recordings ? recordings->status() : Json(nullptr)},
                {"live", live ? live->status() : Json(nullptr)}};
  });
  if (!o.live.empty()) live.emplace(o, ledger, service);
  service.ready("what " + o.stream + " makes goes to " + store->location.text());
  std::vector<Error> failures;
  if (recordings) failures = recordings->run();
  if (live)
    if (auto error = live->join()) failures.push_back(std::move(*error));
  if (context.json() && o.once)
    context.print_json({{"schema", "stream.archive.follow/1"},
                        {"stream", o.stream},
                        {"store", store->location.text()},
                        {"recordings", archived},
                        {"failed", failures.size()}});
  if (!o.once || failures.empty()) return Exit::kOk;
  if (failures.size() == 1 && archived.empty()) throw Error(failures[0]);
  return Exit::kPartial;
}

void check(const FollowVerb& o) {
  const auto usage = [](const std::string& what, const char* hint) {
    throw Error(Exit::kUsage, "usage.value", what, hint);
  };
  check_stream_name(o.stream);
  if (o.recordings.empty() && o.live.empty())
    usage("nothing to follow was named", "pass --recordings DIR, --live DIR, or both");
  o.DepositOptions::check(o);
  if (!o.live.empty() && !o.url.empty() && parse_location(o.url).kind == Location::Kind::kChat)
    usage("--live: a chat can't hold a live output", "put its recordings there, or push to s3://");
}

}  // namespace

cli::Command follow_command() {
  auto o = std::make_shared<FollowVerb>();
  cli::Command command("follow", "put what a stream makes into a store as it is made");
  command.description(
      "Goes on until it is stopped, also while the stream does not run; with --once it ends when "
      "all that is complete by now is in the store.");
  command.example("stream-archive follow demo --recordings rec --live hls/demo --to s3://bucket",
                  "all of a stream");
  command.example("stream-archive follow demo --recordings rec --to dir:/srv/archive --once",
                  "what is left, from a crontab(5)");
  command.positional("STREAM", o->stream, "whose").completes(cli::Completion::kStream);
  command.option("--recordings", o->recordings, "DIR", "where stream-record puts them")
      .completes(cli::Completion::kDirectory);
  command.option("--live", o->live, "DIR", "the output of stream-ladder")
      .completes(cli::Completion::kDirectory);
  o->StoreOptions::declare(command, "--to");
  command.flag("--once", o->once, "end when all that is complete is there");
  command.flag("--keep", o->keep, "leave segments in the store that left the live window");
  o->DepositOptions::declare(command);
  o->EventOptions::declare(command);
  command.note("FOLLOWING", kFollowing);
  command.check([o] { check(*o); });
  command.run([o](cli::Context& context) {
    control::ServiceOptions options = o->service();
    options.name = o->stream;
    control::Service service(options);
    return service.run([&] { return follow(*o, context, service); });
  });
  return command;
}

}  // namespace stream::archive

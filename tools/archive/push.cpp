// push: a live HLS output into a store while it grows.
#include <sys/stat.h>

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "archive/hash.h"
#include "archive/mirror.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/progress.h"
#include "os/file_lock.h"
#include "verbs.h"

namespace stream::archive {
namespace {

constexpr char kMirroring[] =
    "A playlist is put when all that it lists is there, the master playlist when all renditions "
    "are: whoever reads the store never meets a file that is missing. Objects of segments that "
    "left the window go when their files have gone; with --keep they stay, and prune ends them. "
    "When the output ends, the last playlists say so and push ends with 0.\n\n"
    "The output is only read: a store that is slow or fails delays nothing but the mirror. When "
    "it is too slow for all that comes, or comes back after a failure, push goes on with the newer "
    "half of a live window; what left the window unsent is counted as skipped. An output that "
    "keeps all its segments (--dvr all of stream-ladder) is mirrored whole, however late. Nothing "
    "is held in memory but names.\n\n"
    "The lag is measured from the last change of a file to the moment when the store has answered "
    "that its object is there.";

struct PushOptions : StoreOptions, EventOptions {
  std::string directory, stream;
  unsigned parallel = 16;
  bool keep = false;
};

double seconds(Nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

Json lag_json(const MirrorStatus& s) {
  return {{"segment_p50_seconds", seconds(s.segments.quantile(.5))},
          {"segment_p95_seconds", seconds(s.segments.quantile(.95))},
          {"playlist_p50_seconds", seconds(s.playlists.quantile(.5))},
          {"playlist_p95_seconds", seconds(s.playlists.quantile(.95))},
          {"behind", s.behind},
          {"skipped", s.skipped},
          {"objects", s.objects},
          {"bytes", s.bytes}};
}

// However the verb ends, nobody asks for its status any more.
struct StatusGuard {
  control::Service& service;
  ~StatusGuard() { service.status(nullptr); }
};

std::string line_of(const MirrorStatus& s) {
  char text[120];
  std::snprintf(text, sizeof text, "%llu objects  lag p95 %.2f s  behind %llu  skipped %llu",
                static_cast<unsigned long long>(s.objects), seconds(s.segments.quantile(.95)),
                static_cast<unsigned long long>(s.behind),
                static_cast<unsigned long long>(s.skipped));
  return text + std::string(s.failing.empty() ? "" : "  the store fails");
}

Mirror::Events mirror_events(control::Service& service, const std::string& url) {
  Mirror::Events events;
  events.live = [&service, url] {
    service.emit("mirror.live", {{"url", url}});
    service.status_line("mirroring to " + url);
  };
  events.failing = [&service](const std::string& why) {
    log::warning("the store fails; the mirror stands still: " + why);
    service.emit("mirror.failing", {{"reason", why}});
  };
  events.recovered = [&service](Nanoseconds outage) {
    log::info("the store takes what comes again");
    service.emit("mirror.recovered", {{"outage_seconds", seconds(outage)}});
  };
  events.lag = [&service](const MirrorStatus& s) { service.emit("mirror.lag", lag_json(s)); };
  return events;
}

Exit push(const PushOptions& o, const cli::Context& context, control::Service& service,
          const std::string& stream) {
  const std::shared_ptr<OpenStore> opened = o.open_for(service);
  OpenStore& store = *opened;
  MirrorOptions options;
  options.directory = o.directory;
  options.prefix = store.key(stream + "/");
  options.parallel = o.parallel;
  options.keep = o.keep;
  options.stop_fd = service.stop_fd();
  const std::string url = store.store->url(options.prefix + "master.m3u8");
  const os::FileLock lock(
      state_dir() + "/push-" + sha256_of(store.endpoint + url).substr(0, 24) + ".lock",
      "the mirror at " + url);
  const std::shared_ptr<Mirror> mirror(
      new Mirror(*store.store, options, mirror_events(service, url)),
      [opened](Mirror* gone) { delete gone; });  // the store outlives it
  const StatusGuard guard{service};
  service.status([mirror, url](const std::string&) {
    const MirrorStatus s = mirror->status();
    Json status = lag_json(s);
    status["url"] = url;
    status["live"] = s.live;
    status["failing"] = s.failing.empty() ? Json(nullptr) : Json(s.failing);
    return status;
  });
  service.ready("mirroring " + o.directory + " to " + url);
  bool ended = false;
  {
    const cli::LiveLine line(context, [&] { return line_of(mirror->status()); });
    ended = mirror->run();
  }
  const MirrorStatus s = mirror->status();
  if (ended) service.emit("mirror.ended", lag_json(s));
  if (context.json()) {
    Json json = lag_json(s);
    json.update({{"schema", "stream.archive.push/1"},
                 {"url", url},
                 {"ended", ended},
                 {"removed", s.removed},
                 {"failures", s.failures}});
    context.print_json(json);
  } else {
    context.confirm((ended ? "the output has ended and is at " : "stopped mirroring to ") + url +
                    ": " + line_of(s));
  }
  return Exit::kOk;
}

std::string stream_of(const PushOptions& o) {
  if (!o.stream.empty()) return o.stream;
  std::filesystem::path path = std::filesystem::absolute(o.directory).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  return path.filename();
}

}  // namespace

cli::Command push_command() {
  auto o = std::make_shared<PushOptions>();
  // One request; what fails after that is tried again with what is newest then.
  o->retry_for = {std::chrono::seconds(10)};
  cli::Command command("push", "mirror a live HLS output into a store while it grows");
  command.description(
      "DIR is what stream-ladder writes, or will write soon: it is waited for. The store gets "
      "STREAM/master.m3u8 and STREAM/RENDITION/..., with types and cache times for viewers.");
  command.example("stream-archive push hls/demo --to s3://bucket/live", "mirror what grows there");
  command.positional("DIR", o->directory, "the output's directory")
      .completes(cli::Completion::kDirectory);
  o->StoreOptions::declare(command, "--to");
  command.option("--stream", o->stream, "NAME", "its name in the store")
      .shows_default("the directory's name")
      .completes(cli::Completion::kStream);
  command.option("--parallel", o->parallel, "N", "requests under way at a time");
  command.flag("--keep", o->keep, "leave segments in the store that left the window");
  o->EventOptions::declare(command);
  command.note("MIRRORING", kMirroring);
  command.check([o] {
    if (o->parallel < 1 || o->parallel > 64)
      throw Error(Exit::kUsage, "usage.value", "--parallel: not from 1 to 64", "16 is usual");
    if (!o->directory.empty()) check_stream_name(stream_of(*o));
    if (!o->url.empty() && parse_location(o->url).kind == Location::Kind::kChat) {
      throw Error(Exit::kUsage, "archive.unsupported", "--to: a chat can't hold a live output",
                  "put its recording there when it has ended, or push to s3:// or dir:");
    }
  });
  command.run([o](cli::Context& context) {
    const std::string stream = stream_of(*o);
    control::ServiceOptions options = o->service();
    options.name = stream;
    control::Service service(options);
    return service.run([&] { return push(*o, context, service, stream); });
  });
  return command;
}

}  // namespace stream::archive

// push: a live HLS output into a store while it grows.
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "cli/progress.h"
#include "mirroring.h"

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

Exit push(const PushOptions& o, const cli::Context& context, control::Service& service,
          const std::string& stream) {
  MirrorOptions options;
  options.directory = o.directory;
  options.parallel = o.parallel;
  options.keep = o.keep;
  options.stop_fd = service.stop_fd();
  const auto mirroring = std::make_shared<Mirroring>(o.open_for(service), service, options, stream);
  const std::string& url = mirroring->url();
  const StatusEnd end{service};
  service.status([mirroring](const std::string&) {
    return status_json(mirroring->status(), mirroring->url());
  });
  service.ready("mirroring " + o.directory + " to " + url);
  {
    const cli::LiveLine line(context, [&] { return line_of(mirroring->status()); });
    mirroring->run();
  }
  const MirrorStatus s = mirroring->status();
  if (context.json()) {
    Json json = to_json(s);
    json.update({{"schema", "stream.archive.push/1"},
                 {"url", url},
                 {"ended", s.ended},
                 {"removed", s.removed},
                 {"failures", s.failures}});
    context.print_json(json);
  } else {
    context.confirm((s.ended ? "the output has ended and is at " : "stopped mirroring to ") + url +
                    ": " + line_of(s));
  }
  return Exit::kOk;
}

std::string stream_of(const PushOptions& o) {
  if (!o.stream.empty()) return o.stream;
  return std::filesystem::path(absolute_directory(o.directory)).filename();
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

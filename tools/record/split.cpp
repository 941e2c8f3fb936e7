#include "split.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "base/error.h"
#include "base/text.h"
#include "cli/progress.h"
#include "control/service.h"
#include "record/file_split.h"

namespace stream::record {
namespace {

namespace fs = std::filesystem;
using control::Json;

constexpr uint64_t kSmallest = 1 << 20;

constexpr char kHow[] =
    "Each part begins with a keyframe and plays by itself, and together they hold every packet "
    "once; nothing is encoded but sound that MP4 can't hold. The same file gives the same parts, "
    "byte for byte. They are called FILE-part-001.mp4 and so on, and FILE.mp4 when all fits into "
    "one; nothing is ever overwritten. A program that sends them away one by one asks for each by "
    "a line to --on-demand, so that the disk need not hold them all.";

// As they will be called.
std::vector<std::string> paths_of(const SplitArguments& a, size_t parts) {
  const fs::path base = fs::path(a.output) / fs::path(a.input).stem();
  if (parts == 1) return {base.string() + ".mp4"};
  std::vector<std::string> paths;
  for (size_t i = 1; i <= parts; ++i) {
    char number[32];
    std::snprintf(number, sizeof number, "-part-%03zu.mp4", i);
    paths.push_back(base.string() + number);
  }
  return paths;
}

Json parts_json(const media::FileSplit& split, const std::vector<std::string>& paths) {
  Json parts = Json::array();
  for (size_t i = 0; i < paths.size(); ++i) {
    const media::SplitPart& part = split.parts()[i];
    parts.push_back({{"path", paths[i]},
                     {"from_seconds", std::chrono::duration<double>(part.from).count()},
                     {"to_seconds", std::chrono::duration<double>(part.to).count()}});
  }
  return parts;
}

void tell_plan(control::Service& service, const SplitArguments& a, const media::FileSplit& split,
               const Json& parts) {
  Json width, height;
  for (const av::Track& track : split.tracks()) {
    if (track.type != av::MediaType::kVideo || track.width <= 0 || track.height <= 0) continue;
    width = track.width;
    height = track.height;
    break;
  }
  service.emit("split.planned",
               {{"path", a.input}, {"width", width}, {"height", height}, {"parts", parts}});
}

// Waits for a line on standard input; false at its end and when the program is to stop.
bool asked(const control::Service& service) {
  for (;;) {
    struct pollfd waits[] = {{STDIN_FILENO, POLLIN, 0}, {service.stop_fd(), POLLIN, 0}};
    if (::poll(waits, 2, -1) < 0 && errno != EINTR) return false;
    if (service.stopping()) return false;
    if (waits[0].revents == 0) continue;
    char c = 0;
    if (::read(STDIN_FILENO, &c, 1) != 1) return false;
    if (c == '\n') return true;
  }
}

Exit split(const SplitArguments& a, const cli::Context& context, control::Service& service) {
  std::error_code error;
  const uint64_t size = fs::file_size(a.input, error);
  cli::Progress progress(context);
  media::FileSplit split(a.input, a.size.bytes, [&](uint64_t bytes) {
    if (service.stopping()) throw Error(Exit::kInterrupted, "record.stopped", "stopped");
    if (progress.due()) progress.show("split " + a.input, bytes / (a.dry_run ? 1 : 2), size);
  });
  const std::vector<std::string> paths = paths_of(a, split.parts().size());
  Json parts = parts_json(split, paths);
  tell_plan(service, a, split, parts);
  if (!a.dry_run) fs::create_directories(a.output, error);
  if (error) throw_errno("create", a.output, error.value(), "give -o a directory that can be made");
  size_t made = 0;
  for (; made < paths.size() && !a.dry_run && (!a.on_demand || asked(service)); ++made) {
    const media::CopyResult result = split.write_next(paths[made]);
    parts[made]["size_bytes"] = result.bytes;
    service.emit("file.closed",
                 {{"path", paths[made]},
                  {"bytes", result.bytes},
                  {"duration_seconds", std::chrono::duration<double>(result.duration).count()},
                  {"reason", "part"}});
    if (!context.json()) context.print(paths[made] + "\n");
  }
  if (context.json()) {
    if (!a.dry_run) parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(made), parts.end());
    context.print_json(
        {{"schema", "stream.split/1"}, {"parts", std::move(parts)}, {"dry_run", a.dry_run}});
  } else if (a.dry_run) {
    for (const std::string& path : paths) context.print(path + "\n");
  }
  return Exit::kOk;
}

void check(const SplitArguments& a) {
  if (a.size.bytes < kSmallest)
    throw Error(Exit::kUsage, "usage.value", "--size: " + to_text(a.size) + " is too small",
                "from 1MiB on, for example --size 49MB");
  if (a.on_demand && !a.dry_run && ::isatty(STDIN_FILENO))
    throw Error(Exit::kUsage, "usage.value", "--on-demand: standard input is a terminal",
                "a program asks for the parts by lines there: leave it out");
}

}  // namespace

void declare_split(cli::Command& root, SplitArguments& a) {
  cli::Command command("split", "cut a file into MP4 parts of a size, at keyframes");
  command.description(kHow);
  command.positional("FILE", a.input, "the source").completes(cli::Completion::kFile);
  command.option("--size", a.size, "SIZE", "no part is larger; from 1MiB on")
      .required()
      .command_line_only();
  command.option("-o,--output", a.output, "DIR", "directory for the parts, made when absent")
      .required()
      .completes(cli::Completion::kDirectory)
      .command_line_only();
  command
      .flag("--on-demand", a.on_demand,
            "make a part for each line on standard input, and end with it")
      .command_line_only();
  command.flag("-n,--dry-run", a.dry_run, "tell what parts there would be, and make nothing")
      .command_line_only();
  command
      .option("--events", a.events, "-|FD|FILE|unix:PATH",
              "write events as JSON lines; stream-events(7) lists them")
      .completes(cli::Completion::kFile)
      .command_line_only();
  command.example("stream-record split talk.mkv --size 49MB -o parts", "for messages of 49 MB");
  command.check([&a] { check(a); });
  command.run([&a](cli::Context& context) {
    control::Service service({"record", "", a.events});
    return service.run([&] { return split(a, context, service); });
  });
  root.subcommand(std::move(command));
}

}  // namespace stream::record

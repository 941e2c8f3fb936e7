// vod: HLS of a recording, by stream-ladder.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "archive/deposit.h"
#include "base/error.h"
#include "base/text.h"
#include "cli/progress.h"
#include "hls/playlist.h"
#include "manifest/recording.h"
#include "os/dirs.h"
#include "os/fd.h"
#include "os/file_lock.h"
#include "program.h"
#include "restore.h"
#include "verbs.h"

namespace stream::archive {
namespace {

namespace fs = std::filesystem;

constexpr char kHowMade[] =
    "Of an archived recording the files are fetched first, and checked; several files are joined "
    "in order. All of it lies in a hidden directory beside the output meanwhile, and the output "
    "appears under its name when it is whole. What a killed run has fetched is not fetched "
    "again.\n\n"
    "Without a ladder the pictures are copied as they are, in one rendition; where players could "
    "not show them (other codecs than H.264 and HEVC, keyframes further apart than three segments) "
    "they are encoded once, at their own size. Sound becomes AAC. --rung and --ladder make the "
    "renditions that stream-ladder(1) would make; \"--ladder default\" is its own ladder, and "
    "\"--rung source\" adds the pictures as they are.";

struct VodOptions : StoreOptions, IndexOptions, EventOptions {
  std::string recording, output, ladder, format = "fmp4";
  std::vector<std::string> rungs;
  Duration segment{std::chrono::seconds(6)};
};

struct VodSource {
  std::string id;
  std::vector<std::string> files;
  double duration = 0;  // 0: not known
  std::optional<WallTime> started;
  std::optional<CatalogEntry> entry;
};

bool is_media(const std::string& name) {
  const std::string type = content_type_of(name);
  return type.starts_with("video/") || type.starts_with("audio/");
}

[[noreturn]] void no_media(const std::string& recording) {
  throw Error(Exit::kInputDamaged, "input.empty", recording + " has no file of media");
}

VodSource local_source(const std::string& path) {
  const Deposit deposit =
      is_manifest(path) ? deposit_of_manifest(path, {}) : deposit_of_file(path, {}, {});
  VodSource source{deposit.id, {}, deposit.duration, {}, {}};
  if (!deposit.manifest_path.empty()) source.started = deposit.started;  // else the file's date
  for (const DepositFile& file : deposit.files)
    if (deposit.manifest_path.empty() || is_media(file.name)) source.files.push_back(file.local);
  if (source.files.empty()) no_media(path);
  return source;
}

VodSource fetched_source(const VodOptions& o, const std::string& folder,
                         const cli::Context& context, control::Service& service) {
  const std::shared_ptr<OpenStore> store = o.open_for(service);
  Catalog catalog(*store, state_dir());
  const CatalogEntry entry = catalog.find(o.recording, o.max_age.value);
  VodSource source{entry.id, {}, entry.duration, {}, entry};
  if (!entry.manifest.is_null()) source.started = entry.started;
  Progress progress(context, service, "restoring");
  for (const CatalogFile& file : entry.files) {
    if (!is_media(file.path)) continue;
    const Restored got = restore_entry(*store->store, entry, folder, progress, service, file.path);
    source.files.insert(source.files.end(), got.files.begin(), got.files.end());
  }
  if (source.files.empty()) no_media(o.recording);
  return source;
}

// How far the slowest rendition is, shown and told now and then.
class Meter {
 public:
  Meter(const cli::Context& context, control::Service& service, const VodSource& source)
      : service_(service), source_(source), progress_(context), began_(monotonic_now()) {}

  void take(const Json& event) {
    if (event.value("event", Json()) != "segment.written") return;
    const Json rung = event.value("rung", Json()),
               seconds = event.value("duration_seconds", Json());
    if (!rung.is_string() || !seconds.is_number()) return;
    written_[rung.get<std::string>()] += seconds.get<double>();
    double position = written_.begin()->second;
    for (const auto& [name, sum] : written_) position = std::min(position, sum);
    const Nanoseconds now = monotonic_now();
    const double speed = position / std::chrono::duration<double>(now - began_).count();
    if (progress_.due()) progress_.show(line(position, speed));
    if (now - told_ < std::chrono::seconds(5)) return;
    told_ = now;
    service_.emit("progress", {{"media_seconds", position},
                               {"speed", speed},
                               {"delay_seconds", nullptr},
                               {"dropped_frames", 0}});
  }

 private:
  std::string line(double position, double speed) const {
    char text[96];
    const auto done = cli::duration_text(Nanoseconds(static_cast<int64_t>(position * 1e9)));
    if (source_.duration > 0)
      std::snprintf(text, sizeof text, "packaging %3.0f %%  %s  speed %.1fx",
                    std::min(100.0, 100 * position / source_.duration), done.c_str(), speed);
    else
      std::snprintf(text, sizeof text, "packaging %s  speed %.1fx", done.c_str(), speed);
    return text;
  }

  control::Service& service_;
  const VodSource& source_;
  cli::Progress progress_;
  const Nanoseconds began_;
  Nanoseconds told_{};
  std::map<std::string, double> written_;
};

std::string joined(const VodSource& source, const std::string& work, control::Service& service) {
  if (source.files.size() == 1) return source.files[0];
  const std::string ending = fs::path(source.files[0]).extension();
  const std::string whole = work + "/whole" + (ending == ".m4a" ? ".mp4" : ending);
  std::error_code ignored;
  fs::remove(whole, ignored);
  ProgramRun run{"stream-record", {"concat", "-o", whole, "--"}, work, nullptr};
  run.arguments.insert(run.arguments.end(), source.files.begin(), source.files.end());
  run_program(run, service);
  return whole;
}

void package(const VodOptions& o, const VodSource& source, const std::string& file,
             const std::string& work, const cli::Context& context, control::Service& service) {
  ProgramRun run{"stream-ladder", {"-i", file, "-o", work + "/out", "--dvr", "vod"}, work, nullptr};
  const auto add = [&](std::initializer_list<std::string> words) {
    run.arguments.insert(run.arguments.end(), words);
  };
  add({"--on-slow", "wait", "--segment", to_text(o.segment), "--format", o.format});
  if (source.started) add({"--date", rfc3339(*source.started)});
  if (o.ladder == "default")
    add({"--copy-top"});
  else if (!o.ladder.empty())
    add({"--ladder", fs::absolute(o.ladder)});
  for (const std::string& rung : o.rungs) add({"--rung", rung});
  if (o.ladder.empty() && o.rungs.empty()) add({"--rung", "source"});
  Meter meter(context, service, source);
  run.event = [&](const Json& event) { meter.take(event); };
  run_program(run, service);
}

struct Made {
  Json renditions = Json::array();
  uint64_t files = 0, bytes = 0;
};

Made look_at(const std::string& folder) {
  Made made;
  const auto parsed = hls::parse_master_playlist(os::read_file(folder + "/master.m3u8"));
  if (const auto* master = std::get_if<hls::MasterPlaylist>(&parsed)) {
    for (const hls::Variant& v : master->variants)
      made.renditions.push_back({{"uri", v.uri},
                                 {"codecs", v.codecs},
                                 {"width", v.width > 0 ? Json(v.width) : Json(nullptr)},
                                 {"height", v.height > 0 ? Json(v.height) : Json(nullptr)},
                                 {"peak_bps", v.bandwidth},
                                 {"average_bps", v.average_bandwidth}});
  }
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    ++made.files;
    made.bytes += entry.file_size();
  }
  return made;
}

void publish(const std::string& from, const std::string& to) {
  std::error_code error;
  fs::remove(from + "/.lock", error);
  fs::rename(from, to, error);  // also over a directory that is empty
  if (error) throw_errno("name", to, error.value());
}

// The hidden directory beside the output. It goes with this, but for what a fetch that broke off
// has brought already.
struct Workplace {
  explicit Workplace(const fs::path& output)
      : path(output.parent_path() / ("." + output.filename().string() + ".vod")) {
    std::error_code error;
    fs::create_directories(output.parent_path(), error);
    os::make_dirs(path + "/source");
    lock.emplace(path + "/lock", output.string());
    end_program(path, "stream-record");
    end_program(path, "stream-ladder");
    fs::remove_all(path + "/out", error);
  }
  ~Workplace() {
    std::error_code ignored;
    if (!fetching) fs::remove_all(path, ignored);
  }
  const std::string path;
  std::optional<os::FileLock> lock;
  bool fetching = false;
};

Exit vod(const VodOptions& o, const cli::Context& context, control::Service& service) {
  const fs::path output = (fs::absolute(o.output) / "").lexically_normal().parent_path();
  std::error_code ignored;
  if (fs::exists(output, ignored) && !fs::is_empty(output, ignored)) {
    throw Error(Exit::kNotAllowed, "archive.exists", output.string() + " exists already",
                "nothing is overwritten: choose another directory with -o, or remove that one");
  }
  Workplace work(output);
  service.ready("making " + output.string());
  work.fetching = !o.url.empty();
  const VodSource source = o.url.empty()
                               ? local_source(o.recording)
                               : fetched_source(o, work.path + "/source", context, service);
  work.fetching = false;
  package(o, source, joined(source, work.path, service), work.path, context, service);
  if (source.entry && !source.entry->rights.for_everybody())
    manifest::save_rights(work.path + "/out", source.entry->rights);
  publish(work.path + "/out", output);
  const Made made = look_at(output);
  service.emit("vod.ready", {{"recording", source.id},
                             {"path", output.string()},
                             {"renditions", made.renditions.size()},
                             {"bytes", made.bytes}});
  if (context.json()) {
    context.print_json({{"schema", "stream.archive.vod/1"},
                        {"recording", source.id},
                        {"output", output.string()},
                        {"renditions", made.renditions},
                        {"files", made.files},
                        {"size_bytes", made.bytes}});
  } else {
    context.confirm(source.id + " is in " + output.string() + "/master.m3u8");
  }
  return Exit::kOk;
}

}  // namespace

cli::Command vod_command() {
  auto o = std::make_shared<VodOptions>();
  cli::Command command("vod", "make HLS of a recording");
  command.description(
      "Makes VOD playlists and their segments of an archived recording (with --store), or of a "
      "file or manifest on this machine, for stream-serve or any web server.");
  command.example("stream-archive vod demo-20261120T100000Z --store dir:/srv/archive -o hls/talk",
                  "an archived recording, its pictures as they are");
  command.example("stream-archive vod rec/demo-20261120T100000Z.json -o hls/talk --ladder default",
                  "a recording of this machine, in several sizes");
  command
      .positional("RECORDING|FILE|MANIFEST", o->recording,
                  "with --store its name, or STREAM/NAME; else a file")
      .completes(cli::Completion::kFile);
  command.option("-o,--output", o->output, "DIR", "where to; it must not exist yet")
      .required()
      .completes(cli::Completion::kDirectory);
  command
      .option("--rung", o->rungs, "RUNG", "a rendition, as for stream-ladder: 720p@2800k, source")
      .excludes("--ladder");
  command
      .option("--ladder", o->ladder, "default|FILE.yaml",
              "stream-ladder's own ladder, or one from a file")
      .completes(cli::Completion::kFile)
      .shows_default("the pictures as they are");
  command.option("--segment", o->segment, "TIME", "length of a segment");
  command.option("--format", o->format, "FORMAT", "packaging of the segments")
      .choices({"fmp4", "ts"});
  o->StoreOptions::declare(command, "--store", false);
  o->IndexOptions::declare(command);
  o->EventOptions::declare(command);
  command.note("HOW IT IS MADE", kHowMade);
  command.file("OUTPUT/master.m3u8", "the multivariant playlist, for players");
  command.file("OUTPUT/../.NAME.vod", "what is not finished");
  command.run([o](cli::Context& context) {
    control::Service service(o->service());
    return service.run([&] { return vod(*o, context, service); });
  });
  return command;
}

}  // namespace stream::archive

#include "copy.h"

#include <filesystem>

#include "base/error.h"
#include "base/text.h"
#include "cli/progress.h"
#include "manifest/recording.h"
#include "mend.h"
#include "record/file_copy.h"
#include "record/file_names.h"

namespace stream::record {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// A manifest stands for its closed files.
std::vector<std::string> files_of(const std::string& path) {
  if (!path.ends_with(".json")) return {path};
  const fs::path manifest_path(path);
  const std::string directory =
      manifest_path.has_parent_path() ? manifest_path.parent_path().string() : ".";
  const auto document = manifest::FileStore(directory).load(manifest_path.stem().string());
  if (!document) throw_errno("read", path, ENOENT);
  std::vector<std::string> files;
  for (const auto& file : manifest::recording_from_json(*document).files) {
    if (file.ended) files.push_back(directory + "/" + file.path);
  }
  if (files.empty())
    throw Error(Exit::kInputDamaged, "record.empty", escaped(path) + " lists no closed file",
                "when its recorder died: stream-record repair " + escaped(directory));
  return files;
}

media::Container container_of(const std::string& output) {
  const auto container = media::container_of(output);
  if (container) return *container;
  throw Error(Exit::kUsage, "usage.value",
              "--output: \"" + escaped(output) + "\" does not say what it shall be",
              "let it end in .mp4, .mkv, .webm or .ts");
}

int make(const std::vector<std::string>& inputs, const std::string& output,
         media::CopyOptions options, cli::Context& context) {
  uint64_t total = 0;
  for (const std::string& input : inputs) {
    std::error_code error;
    const uint64_t size = fs::file_size(input, error);
    if (!error) total += size;
  }
  media::CopyResult result;
  {
    cli::Progress progress(context);
    options.progress = [&](uint64_t bytes) {
      if (progress.due()) progress.show("write " + output, bytes, total);
    };
    result = media::copy_files(inputs, output, options);
  }
  const double seconds = std::chrono::duration<double>(result.duration).count();
  if (context.json()) {
    context.print_json({{"schema", "stream.copy/1"},
                        {"path", output},
                        {"duration_seconds", seconds},
                        {"size_bytes", result.bytes},
                        {"packets", result.packets},
                        {"damaged", result.damaged}});
  } else {
    context.print(output + "\n");
  }
  if (result.damaged) context.confirm("parts of the source could not be read and are left out");
  return static_cast<int>(Exit::kOk);
}

}  // namespace

int repair(const CopyArguments& a, cli::Context& context) {
  const bool directory = fs::is_directory(a.input);
  if (directory || a.input.ends_with(".json")) {
    const fs::path path(a.input);
    const std::string base = directory                ? a.input
                             : path.has_parent_path() ? path.parent_path().string()
                                                      : ".";
    const auto mended = mend_manifests(base);
    for (const std::string& key : mended) {
      if (!context.json()) context.print(base + "/" + key + ".json\n");
    }
    if (context.json()) context.print_json({{"schema", "stream.mended/1"}, {"manifests", mended}});
    return static_cast<int>(Exit::kOk);
  }
  std::string output = a.output;
  media::CopyOptions options;
  if (output.empty()) {
    const fs::path path(a.input);
    options.container = media::container_of(a.input).value_or(media::Container::kMp4);
    output = (path.parent_path() / path.stem()).string() + "-repaired" +
             media::container_suffix(options.container);
  } else {
    options.container = container_of(output);
  }
  return make({a.input}, output, options, context);
}

int remux(const CopyArguments& a, cli::Context& context) {
  media::CopyOptions options;
  options.container = container_of(a.output);
  return make({a.input}, a.output, options, context);
}

int concat(const CopyArguments& a, cli::Context& context) {
  media::CopyOptions options;
  options.container = container_of(a.output);
  std::vector<std::string> inputs;
  for (const std::string& input : a.inputs) {
    for (std::string& file : files_of(input)) inputs.push_back(std::move(file));
  }
  return make(inputs, a.output, options, context);
}

int clip(const CopyArguments& a, cli::Context& context) {
  media::CopyOptions options;
  options.container = container_of(a.output);
  if (a.from) options.from = a.from->value;
  if (a.to) options.to = a.to->value;
  options.exact = a.exact;
  if (a.from && a.to && a.from->value >= a.to->value)
    throw Error(Exit::kUsage, "usage.value", "--to is not after --from",
                "for example --from 1m --to 2m");
  return make({a.input}, a.output, options, context);
}

void declare_copies(cli::Command& root, CopyArguments& a) {
  const auto output = [&a](cli::Command& command, bool required) {
    auto& option = command
                       .option("-o,--output", a.output, "FILE",
                               "the new file, by whose end it is made: .mp4 .mkv .webm .ts")
                       .completes(cli::Completion::kFile)
                       .command_line_only();
    if (required) option.required();
  };
  cli::Command repairing("repair", "save what can be read of a damaged file, or mend manifests");
  repairing.description(
      "Makes a whole file of one that a crash or a broken transfer has left: MP4 (fragmented or "
      "not), MPEG-TS, Matroska, ours or others'. The source stays as it is; without -o the new "
      "file is called FILE-repaired. An MP4 whose index was at its end and is lost can't be "
      "repaired, unless it is one of ours.\n\n"
      "Given a directory or a manifest, the manifests there whose recorder died are finished: "
      "their files get length, size and checksum.");
  repairing.positional("FILE|DIR", a.input, "the damaged file, or a directory of recordings")
      .completes(cli::Completion::kFile);
  output(repairing, false);
  repairing.example("stream-record repair broken.mp4", "into broken-repaired.mp4");
  repairing.run([&a](cli::Context& context) { return repair(a, context); });
  root.subcommand(std::move(repairing));

  cli::Command remuxing("remux", "put a file's streams into another container");
  remuxing.positional("FILE", a.input, "the source").completes(cli::Completion::kFile);
  output(remuxing, true);
  remuxing.example("stream-record remux a.mkv -o a.mp4", "without encoding");
  remuxing.run([&a](cli::Context& context) { return remux(a, context); });
  root.subcommand(std::move(remuxing));

  cli::Command joining("concat", "join the files of a recording, or others of the same codecs");
  joining.positional("FILE|MANIFEST", a.inputs, "in order; a manifest stands for its files")
      .completes(cli::Completion::kFile);
  output(joining, true);
  joining.example("stream-record concat rec/demo-20261120T100000Z.json -o whole.mp4",
                  "all files of a recording as one");
  joining.run([&a](cli::Context& context) { return concat(a, context); });
  root.subcommand(std::move(joining));

  cli::Command cutting("clip", "cut a part out of a file, at keyframes");
  cutting.positional("FILE", a.input, "the source").completes(cli::Completion::kFile);
  cutting.option("--from", a.from, "TIME", "begin with the last keyframe that is not after this")
      .command_line_only();
  cutting.option("--to", a.to, "TIME", "end before this").command_line_only();
  cutting
      .flag("--exact", a.exact,
            "begin at --from itself: the groups of pictures that a cut goes through are encoded "
            "anew (H.264), the rest is copied")
      .command_line_only();
  output(cutting, true);
  cutting.example("stream-record clip talk.mp4 --from 10m --to 12m30s -o part.mp4", "a part");
  cutting.run([&a](cli::Context& context) { return clip(a, context); });
  root.subcommand(std::move(cutting));
}

}  // namespace stream::record

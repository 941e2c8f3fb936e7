#include <filesystem>

#include "base/error.h"
#include "journal.h"
#include "os/writable.h"
#include "record.h"
#include "record/file_names.h"
#include "source.h"

namespace stream::record {

namespace {

// The tracks of one file, as they would be in it: sound that the container can't hold is encoded.
av::Tracks tracks_in(const av::Tracks& all, std::optional<av::MediaType> only,
                     media::Container container) {
  av::Tracks tracks;
  for (av::Track track : all) {
    if (only && track.type != *only) continue;
    if (const std::string codec = media::sound_for(container, track.codec);
        track.type == av::MediaType::kAudio && !codec.empty())
      track.codec = codec;
    tracks.push_back(std::move(track));
  }
  return tracks;
}

manifest::RecordingFile file_of(const std::string& path, const std::string& base,
                                const av::Tracks& tracks, media::Container container) {
  manifest::RecordingFile file;
  file.path = std::filesystem::path(path).lexically_relative(base).string();
  file.format = media::container_name(container);
  file.started = wall_now();
  for (const av::Track& track : tracks) file.tracks.push_back(to_manifest(track));
  return file;
}

}  // namespace

int dry_run(const Options& o, cli::Context& context) {
  const std::string bus = cli::name_for(o.input.input);
  manifest::Recording recording;
  recording.stream = !o.service.name.empty() ? o.service.name : bus;
  recording.input = without_secrets(o.input.input);
  recording.started = wall_now();
  const Source source(o.input.input, o.follow, std::make_shared<av::Input::Interrupter>());
  const auto container = media::container_for(o.output, media::container_named(o.format));
  const std::string name = recording.stream.empty() ? "recording" : recording.stream;

  const auto add = [&](std::optional<av::MediaType> only, const std::string& part) {
    const av::Tracks tracks = tracks_in(source.tracks(), only, container);
    if (tracks.empty()) return;
    media::make_writer(container, tracks);  // throws for what it can't hold
    const media::FileNames names(o.output, name, container, part);
    os::check_writable(names.directory(), "give -o a directory that can be written");
    int n = 1;
    recording.files.push_back(
        file_of(names.path(recording.started, n), names.directory(), tracks, container));
  };
  if (o.tracks == "all") add({}, "");
  if (o.tracks == "video") add(av::MediaType::kVideo, "");
  if (o.tracks == "audio") add(av::MediaType::kAudio, "");
  if (o.tracks == "video,audio") {
    add(av::MediaType::kVideo, "-video");
    add(av::MediaType::kAudio, "-audio");
  }
  if (recording.files.empty())
    throw Error(Exit::kInputDamaged, "record.empty",
                recording.input + " has no track for --tracks " + o.tracks,
                "leave --tracks out to record what there is");
  recording.id = key_for(recording.files.front().path);
  manifest::Json document = to_json(recording);
  document["dry_run"] = true;
  context.print_json(document);
  return 0;
}

}  // namespace stream::record

#include "base/error.h"
#include "record.h"
#include "record/file_names.h"

namespace stream::record {

namespace {

constexpr char kFiles[] =
    "The streams are copied, not encoded; only sound that the container can't hold is (to Opus for "
    "WebM, to AAC elsewhere). While an MP4 grows it is fragmented, with a fragment for each half "
    "second or group of pictures, whichever is shorter: it can be played at every instant, and a "
    "crash or kill -9 costs less than a second. Every two seconds it is synced, so that a power "
    "failure costs no more than that. When it ends, the same file gets its index in front and "
    "becomes an ordinary MP4, without a second copy of the media. Space for the index is kept at "
    "the start of the file (1 MiB, or what --duration asks for); when it does not suffice it is "
    "grown in place on ext4 and XFS, elsewhere the index goes behind the media. Matroska, WebM and "
    "MPEG-TS are written in the same steps.\n\n"
    "A new file begins with a keyframe: after --split, on the request record.split of the control "
    "socket, when the tracks or the codec's parameters change, when time steps back, and after the "
    "disk was full. No packet is lost or doubled at a split. Files in a directory are named "
    "NAME-20261120T100000Z.mp4 by the time in UTC; a pattern is expanded as strftime(3) does, in "
    "UTC. A name that is taken gets -2, -3 and so on; nothing is ever overwritten.";

constexpr char kSessions[] =
    "When the publisher of a live stream goes away and comes back within --gap, the recording goes "
    "on in the same file (in a new one when codecs changed), and the manifest lists the gap. After "
    "a longer one a new session begins, with files of its own. With --follow the recorder also "
    "stays when the stream ends, and waits for it without end; without, it ends with the "
    "stream.\n\n"
    "The event recording.ready, with the path of the manifest, tells that a session ended: its "
    "files are closed and the manifest has their sizes and SHA-256 sums. The member "
    "recording_ready of the manifest is true while no file is open. When a recorder died, the next "
    "one of the same name in the same directory, or stream-record repair, mends its manifest.";

constexpr char kControl[] =
    "record.split begins a new file with the next keyframe, record.stop ends the session, "
    "record.start begins one, with what --pre-roll has kept. For example:\n\n"
    "stream-ctl call demo record record.split";

constexpr char kDisk[] =
    "When the disk is full, or less than --min-free is left, the present file is closed playable "
    "from a reserve, the event recording.stalled tells about it and the input is read on, so that "
    "the live path goes on. With room again, recording resumes within seconds in a new file with "
    "the next keyframe, and the program ends with exit code 13. A disk that is slow delays nobody: "
    "up to 32 MiB wait for it, then live media is left out up to the next keyframe and counted.";

void check(const Options& o) {
  if (o.duration && o.duration->value.count() <= 0) {
    throw Error(Exit::kUsage, "usage.value",
                "--duration: nothing can be recorded in " + to_text(*o.duration),
                "for example --duration 30m");
  }
  if (o.output == "-") {
    throw Error(Exit::kUsage, "usage.value", "--output: \"-\" is not a directory",
                "a recording is made of files: give a directory, for example -o recordings");
  }
  if (o.thumbnail && o.thumbnail->value < std::chrono::seconds(1)) {
    throw Error(Exit::kUsage, "usage.value",
                "--thumbnail: " + to_text(*o.thumbnail) + " is too often", "from 1s on");
  }
  if (o.pre_roll.value.count() > 0 && !o.standby) {
    throw Error(Exit::kUsage, "usage.conflict",
                "--pre-roll is for a recording that waits for record.start", "add --standby");
  }
  if (o.follow && cli::name_for(o.input.input).empty()) {
    throw Error(Exit::kUsage, "usage.conflict", "--follow is for bus:NAME",
                "other inputs do not come back");
  }
  const auto asked =
      media::is_file_pattern(o.output) ? media::container_of(o.output) : std::nullopt;
  if (asked && o.format != "auto" && media::container_name(*asked) != o.format) {
    throw Error(Exit::kUsage, "usage.conflict",
                "--format " + o.format + " does not fit the name " + o.output,
                "leave --format out: the name says it");
  }
}

void declare_recording(cli::Command& root, Options& o) {
  o.input.declare(root);
  root.option("-o,--output", o.output, "DIR|PATTERN",
              "directory for the files and the manifest, made when absent; or the name of files, "
              "as in rec/%Y%m%dT%H%M%SZ.mkv")
      .required()
      .completes(cli::Completion::kDirectory);
  root.option("--format", o.format, "FORMAT", "of the files. auto: as the name ends, else mp4")
      .choices({"auto", "mp4", "matroska", "webm", "mpegts"});
  root.option("--tracks", o.tracks, "WHICH",
              "all in one file, only video or audio, or video,audio: each in files of its own")
      .choices({"all", "video", "audio", "video,audio"});
  root.option("--split", o.split, "TIME|SIZE", "a new file after so much, with the next keyframe");
  root.option("--duration", o.duration, "TIME", "stop after this much media");
  root.option("--until", o.until, "WHEN", "stop at 18:00 or 2026-11-20T18:00:00Z");
  root.option("--thumbnail", o.thumbnail, "TIME",
              "a poster, and a storyboard with a picture each TIME, for each file");
  root.section("Sessions");
  root.option("--gap", o.gap, "TIME",
              "media that is away for longer begins a new session when it is back");
  root.flag("--follow", o.follow, "when the stream ends, or is not there yet, wait for it");
  root.flag("--standby", o.standby, "record nothing until record.start on the control socket");
  root.option("--pre-roll", o.pre_roll, "TIME",
              "keep this much in memory, for record.start to begin with; at most 64 MiB");
  root.section("Disk");
  root.option("--min-free", o.min_free, "SIZE", "stop recording while less than this is free");
  root.section("");
  root.flag("-n,--dry-run", o.dry_run,
            "look at the input and print the manifest that the recording would begin with")
      .command_line_only();
  o.service.declare(root);
  root.check([&o] { check(o); });
}

}  // namespace

cli::Command command(Options& o) {
  cli::Command root("stream-record", "record a live stream into files that survive a crash");
  root.description(
      "Copies the media into MP4, Matroska, WebM or MPEG-TS files, which play at every instant "
      "while they are written and end as ordinary seekable ones. Prints the manifest of the "
      "recording (stream.recording/1) when it ends.");
  root.example("stream-record -i bus:demo -o recordings", "record a live stream until Ctrl-C");
  root.example("stream-record -i bus:demo -o recordings/%Y%m%dT%H%M%SZ.mkv --split 1h --follow",
               "all that is ever published, in Matroska files of an hour");
  root.example("stream-record -i bus:demo -o recordings --standby --pre-roll 30s",
               "wait for record.start, and begin 30 s before it");
  root.example("stream-record concat recordings/demo-20261120T100000Z.json -o talk.mp4",
               "the files of a recording as one");
  root.example("stream-ingest --pull talk.flv -o - | stream-record -i - -o recordings",
               "in a pipeline");
  declare_recording(root, o);
  declare_copies(root, o.copy);
  declare_split(root, o.parts);
  root.note("FILES OF A RECORDING", kFiles);
  root.note("SESSIONS", kSessions);
  root.note("CONTROL", kControl);
  root.note("WHEN THE DISK IS FULL OR SLOW", kDisk);
  root.file("OUTPUT/NAME-20261120T100000Z.mp4", "a recording");
  root.file("OUTPUT/NAME-20261120T100000Z.jpg, .vtt, -1.jpg", "its poster and storyboard");
  root.file("OUTPUT/NAME-20261120T100000Z.json", "its manifest, which lists all its files");
  root.run(
      [&o](cli::Context& context) { return o.dry_run ? dry_run(o, context) : run(o, context); });
  return root;
}

}  // namespace stream::record

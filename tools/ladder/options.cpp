#include <algorithm>
#include <thread>

#include "av/encoder.h"
#include "base/error.h"
#include "base/text.h"
#include "base/time.h"
#include "ladder/commands.h"

namespace stream::ladder {
namespace {

constexpr char kShedding[] =
    "Live media (a bus, a live URL, or a pipe that delivers at the pace of real time) never waits "
    "for this program. When encoding falls behind for 1.5 seconds, load is shed in steps, one each "
    "1.5 seconds until it suffices: first every second picture is left out of all rungs (the one "
    "that begins a segment never is); then the largest rung is paused, then the next; the smallest "
    "never is. A paused rung's segments are listed as gaps, so that players move to another rung. "
    "Media that waits longer than four seconds is dropped up to the newest keyframe. Each step is "
    "told by the event rung.slow with the speed. When there was time to spare for ten seconds, and "
    "20 seconds after the last step (twice as long each time it was too early, ten minutes at "
    "most), one step is taken back. Files and other pipes are waited for: nothing is shed. "
    "--on-slow says otherwise.";

constexpr char kAlignment[] =
    "All renditions begin their segments at the same picture, the first at or after each multiple "
    "of --segment from the start, with an IDR picture; segment N is the same stretch of time in "
    "each of them. A new session, a jump, or a picture of another size begins a new stretch: new "
    "init segments and EXT-X-DISCONTINUITY in every rendition. After a crash the numbers go on "
    "from the playlists in the output directory.";

constexpr char kOnTheBus[] =
    "With --bus each rung, its picture and the sound, is a live stream that any program reads by "
    "-i bus:NAME/RUNG: stream-record -i bus:demo/720p, stream-simulcast -i bus:demo/480p for a "
    "destination that wants less. Its socket is RUNTIME/NAME/rungs/RUNG.sock, see stream(7); "
    "readers come and go, and a slow one loses pictures without holding up the ladder. The rungs "
    "of a ladder have the same times and keyframes, one at the beginning of each segment, so that "
    "a reader may go from one to another: stream-serve --whep does it for each player as its "
    "network allows. Browsers play no B-frames over WebRTC: for them add --low-delay, and perhaps "
    "--segment 1s, as a player is moved at a keyframe. Without --output no file is written: there "
    "is nothing then that --dvr, --format and --date could be said of, what a --ladder FILE says "
    "of playlists waits for an --output, and an input without a picture is refused (12).";

constexpr char kSources[] =
    "Fields are joined to progressive pictures, one for two. Pictures are brought to 8-bit 4:2:0 "
    "with square pixels and limited range; BT.601 and BT.709 "
    "stay what they are and are said in the stream, anything else becomes BT.709. Frame rates are "
    "kept up to 60, higher ones are halved. Portrait and wide pictures keep their shape within the "
    "rung's 16:9 box. Sound is always encoded anew, once for all rungs, as stereo AAC at 48 kHz: "
    "this way holes in it become silence and it starts and ends with the picture.";

void declare_ladder(cli::Command& c, Options& o) {
  c.section("Ladder");
  c.option("--rung", o.rungs, "SIZE@RATE[,KEY=VALUE...]",
           "a rung, such as 720p@2800k,preset=veryfast or 960x540@2M; may be repeated and replaces "
           "the default ladder of 1080p@5000k, 720p@2800k, 480p@1400k, 360p@800k. Keys: preset, "
           "encoder, tune, profile, name. Rungs above the source are left out. \"source\" is the "
           "source as it is: copied where that can be, encoded at its own size where not")
      .excludes("--ladder");
  c.option("--ladder", o.ladder_file, "FILE.yaml", "read rungs and settings from a file")
      .completes(cli::Completion::kFile);
  c.option("--encoder", o.encoder, "NAME", "encoder of the rungs that name none")
      .choices({"libx264", "libx265", "libsvtav1", "h264_nvenc", "h264_vaapi"})
      .shows_default("libx264");
  c.option("--preset", o.preset, "NAME", "preset of the rungs that name none")
      .shows_default("veryfast");
  c.option("--audio-rate", o.audio_rate, "RATE", "bit rate of the sound, shared by all rungs");
  c.flag("--copy-top", o.copy_top,
         "pass the source through as the top rung where its codec, keyframes and bit rate allow "
         "it; the plan says why not");
  c.flag("--low-delay", o.low_delay,
         "encode without B-frames and without looking ahead, at some cost in quality: for rungs "
         "that are watched over WebRTC (--bus, stream-serve --whep)");
  c.section("Segments");
  c.option("--segment", o.segment, "TIME", "length of a segment");
  c.option(
       "--dvr", o.dvr, "TIME|all|vod",
       "what stays in the playlists: a time, or everything, in playlists that grow (all: EVENT) "
       "or that appear when they are whole (vod: VOD)")
      .shows_default("6 segments");
  c.option("--format", o.format, "FORMAT", "packaging of the segments")
      .choices({"fmp4", "ts"})
      .shows_default("fmp4");
}

}  // namespace

cli::Command command(Options& o) {
  cli::Command root("stream-ladder", "make an adaptive HLS ladder from any media");
  root.description(
      "Decodes once, scales and encodes every rung in parallel, and writes HLS: master.m3u8 and a "
      "directory per rendition with its playlist and segments.");
  root.example("stream-ladder -i bus:demo -o hls/demo", "the default ladder of a live stream");
  root.example("stream-ladder -i talk.mp4 -o out --dvr vod", "a file, as fast as possible");
  root.example("stream-ladder -i talk.mp4 -o out --dvr vod --rung source --segment 6s",
               "a file, without encoding its pictures anew");
  root.example("stream-ladder -i bus:demo -o hls/demo --bus --low-delay",
               "its rungs for stream-serve --whep, stream-record and others too, as bus:demo/720p");
  root.example("stream-ladder -i bus:demo --bus --low-delay --rung 720p@2500k --rung 360p@600k",
               "the rungs for WebRTC, without HLS");
  root.example("stream-ladder plan -i talk.mp4", "what would be made of it, and why");
  o.input.declare(root);
  root.option("-o,--output", o.output, "DIR",
              "directory for playlists and segments; needed without --bus")
      .completes(cli::Completion::kDirectory);
  declare_ladder(root, o);
  root.section("Running");
  root.flag(
      "--bus", o.bus,
      "each rung, with the sound, is a live stream of its own, bus:NAME/RUNG, beside the HLS of "
      "--output or instead of it; NAME is that of --name or of -i bus:NAME");
  root.option("--on-slow", o.on_slow, "auto|shed|wait",
              "when encoding is slower than the input: shed load, or make the input wait")
      .choices({"auto", "shed", "wait"});
  root.flag("-n,--dry-run", o.dry_run, "look at the source and print the plan, make nothing")
      .command_line_only();
  root.option("--date", o.date, "TIME",
              "when the first picture was taken, for media that is not live: "
              "2026-11-20T10:00:00Z; the playlists date the segments by it")
      .shows_default("now");
  o.service.declare(root);
  root.check([&o] { check_outputs(o); });
  root.note("ON THE BUS", kOnTheBus);
  root.note("FALLING BEHIND", kShedding);
  root.note("SEGMENTS", kAlignment);
  root.note("PICTURE AND SOUND", kSources);
  root.file("OUTPUT/master.m3u8", "the multivariant playlist, for players");
  root.file("OUTPUT/720p/playlist.m3u8", "the media playlist of a rendition, also its state");
  root.file("OUTPUT/720p/segment_000001.m4s", "a segment (.ts with --format ts)");
  root.file("OUTPUT/720p/init_1.mp4", "the init segment of those that name it");
  root.file("RUNTIME/NAME/rungs/720p.sock", "where bus:NAME/720p is, with --bus");
  root.run([&o](cli::Context& context) {
    return o.dry_run ? plan(o, o.input.input, context) : run(o, context);
  });

  cli::Command verb("plan", "say what would be made of a source, and why");
  verb.description("Looks at the source and prints the rungs, what is left out, and the reasons.");
  verb.example("stream-ladder plan -i talk.mp4 --copy-top --json", "for a script");
  o.plan_input.declare(verb);
  declare_ladder(verb, o);
  verb.run([&o](cli::Context& context) { return plan(o, o.plan_input.input, context); });
  root.subcommand(std::move(verb));
  return root;
}

media::LadderSpec make_spec(const Options& o) {
  media::LadderSpec spec;
  spec.segment = o.segment.value;
  spec.audio_bit_rate = o.audio_rate.bps;
  spec.copy_top = o.copy_top;
  spec.low_delay = o.low_delay;
  spec.format = o.format == "ts" ? hls::Format::kTs : hls::Format::kFmp4;
  spec.window = Nanoseconds(-1);
  if (!o.ladder_file.empty()) read_ladder_file(o.ladder_file, spec);
  if (!o.rungs.empty()) spec.rungs.clear();
  for (const std::string& text : o.rungs) spec.rungs.push_back(media::parse_rung(text));
  for (media::RungSpec& rung : spec.rungs) {
    if (!o.encoder.empty() && rung.encoder == "libx264") rung.encoder = o.encoder;
    if (!o.preset.empty() && rung.preset.empty()) rung.preset = o.preset;
    rung.low_delay = spec.low_delay;
  }
  for (size_t i = 0; i < spec.rungs.size(); i++)
    for (size_t j = 0; j < i; j++)
      if (spec.rungs[i].name == spec.rungs[j].name)
        throw Error(Exit::kUsage, "rung.invalid",
                    "two rungs are called '" + spec.rungs[i].name + "'",
                    "give one of them a name: --rung 720p@1500k,name=720p-low");
  if (spec.segment < std::chrono::milliseconds(500) || spec.segment > std::chrono::seconds(30))
    throw Error(Exit::kUsage, "segment.invalid",
                "a segment of " + to_text(Duration{spec.segment}) + " is out of range",
                "use 500ms to 30s, for example --segment 2s");
  if (!o.dvr.empty()) spec.vod = o.dvr == "vod";
  if (o.dvr == "all" || spec.vod)
    spec.window = Nanoseconds(0);
  else if (!o.dvr.empty())
    spec.window = parse_duration(o.dvr).value;
  // Apple's authoring specification 8.11: at least six segments in a live playlist.
  if (spec.window.count() < 0) spec.window = 6 * spec.segment;
  if (spec.window.count() != 0 && spec.window < 3 * spec.segment)
    throw Error(
        Exit::kUsage, "dvr.invalid",
        "--dvr " + o.dvr + " holds less than three segments of " + to_text(Duration{spec.segment}),
        "make it " + to_text(Duration{6 * spec.segment}) + " or more");
  return spec;
}

void check_outputs(const Options& o) {
  bus_of(o);
  if (!o.output.empty()) return;
  if (!o.bus)
    throw Error(Exit::kUsage, "usage.missing",
                "nothing says where the rungs go: neither --output nor --bus is given",
                "say -o DIR for HLS, --bus for live streams of their own, or both");
  const std::pair<std::string, const std::string&> told[] = {
      {"--dvr", o.dvr}, {"--format", o.format}, {"--date", o.date}};
  for (const auto& [option, value] : told)
    if (!value.empty())
      throw Error(
          Exit::kUsage, "usage.conflict",
          option + " " + escaped(value, 60) + " is said of HLS, and without --output none is made",
          "add -o DIR, or leave " + option + " out");
}

std::string bus_of(const Options& o) {
  if (!o.bus) return {};
  const std::string name = o.service.name.empty() ? cli::name_for(o.input.input) : o.service.name;
  if (name.empty())
    throw Error(Exit::kUsage, "usage.missing",
                "--bus: nothing says what the stream is called whose rungs these are",
                "add --name NAME; the rungs are bus:NAME/720p and so on then");
  return name;
}

media::SlowPolicy slow_policy(const Options& o) {
  return o.on_slow == "shed"   ? media::SlowPolicy::kShed
         : o.on_slow == "wait" ? media::SlowPolicy::kWait
                               : media::SlowPolicy::kAuto;
}

std::optional<hls::WallTime> date_of(const Options& o) {
  if (o.date.empty()) return std::nullopt;
  const auto date = parse_rfc3339(o.date);
  if (!date)
    throw Error(Exit::kUsage, "usage.value", "--date: '" + escaped(o.date, 60) + "' is no time",
                "write it as 2026-11-20T10:00:00Z");
  return date;
}

}  // namespace stream::ladder

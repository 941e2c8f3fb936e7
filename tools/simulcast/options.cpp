#include "options.h"

#include "base/error.h"

namespace stream::simulcast {
namespace {

constexpr char kDestinations[] =
    "NAME=WHERE names a destination. WHERE is rtmp://HOST/APP/KEY, rtmps://HOST/APP/KEY, "
    "srt://HOST:PORT with options behind it (latency=120ms, passphrase=SOURCE, streamid=ID, "
    "pbkeylen=32, mode=rendezvous, adapter=OUR_ADDRESS; key=SOURCE is the stream id as well), or "
    "the "
    "source of such an address, for it holds a key: @vault:NAME, @file:PATH, @cred:NAME, @fd:N or "
    "@-. With key=SOURCE the address is the server's alone: "
    "main=rtmps://live.example.org/app,key=@file:main.key. Sources are read anew for each "
    "connection, so that a key that was changed there is used by the next one. priority=N, from 1 "
    "to 9 (the most important), else 5, counts when the uplink is full.\n\n"
    "file:PATH, with a name in .flv, .ts or .mkv, writes a file. A name that is taken gets -2, -3 "
    "and so on, and so does what follows a new codec configuration; a full disk is tried again, a "
    "place that can't be written to refuses the destination.\n\n"
    "The profile of a platform (youtube, twitch, facebook, cloudflare, kick) knows what the "
    "platform takes and, but for kick, its server, so that the source may hold a bare key; it is "
    "chosen by profile=PLATFORM or by the destination's name. Before a connection is made the "
    "input is checked against it: codecs, picture size and frame rate that the platform would not "
    "take refuse the destination; bit rate and distance of keyframes are warned about.\n\n"
    "HEVC, AV1 and VP9 go over Enhanced RTMP to destinations that announce the codec, or whose "
    "platform is known to take it. enhanced=always sends them unasked: MediaMTX, for one, takes "
    "them and does not say so.";

constexpr char kEncoding[] =
    "Pictures are copied unless a destination asks for more. encode=auto: what fits its profile is "
    "copied, what does not is encoded for it, from a keyframe on also in the middle. "
    "What was encoded is copied again when the input has fitted for 60 s. "
    "encode=always: "
    "encoded whatever it is. encode=never: nothing is encoded, not even sound. video=720p@4000k, "
    "with preset=, encoder= or tune= behind it as for a rung of stream-ladder, says how, instead "
    "of "
    "the profile's way; alone it means encode=always, with encode=auto its size and rate are "
    "limits "
    "as well. The profiles' ways: youtube 1080p@6000k, twitch 1080p@4500k,preset=veryfast, "
    "facebook "
    "720p@4000k, cloudflare 1080p@4500k,preset=medium, kick 1080p@6000k, else 1080p@4500k; a "
    "picture is never made larger, and has a keyframe every 2 s.\n\n"
    "Pictures are decoded once and encoded once per setting: destinations with equal settings "
    "share "
    "one encoding, as list shows. Sound that a destination would not take (over RTMP all but AAC "
    "and MP3) becomes AAC, 48 kHz stereo at 128k, once for all.\n\n"
    "An encoder never holds up the stream: when 12 pictures wait for it, further ones are left "
    "out, "
    "its destinations are degraded and encode.slow is told; when 2 s wait for the decoder, it goes "
    "on at the newest keyframe.";

constexpr char kStates[] =
    "resolving, connecting (5 s), handshaking (5 s), publishing (10 s): on the way. live: the "
    "destination took the publication, a keyframe was sent and acknowledged, and media keeps "
    "coming. degraded: media was dropped within 10 s, or waits for more than 3 s, or it is thinned "
    "(see UPLINK). stalled: "
    "connected, but for 5 s nothing was taken, or there is no input; after 15 s a new connection "
    "is made. held: see UPLINK. backoff: waiting to try again, between 0 and a bound that doubles "
    "from 1 s to 60 s "
    "and is small again after 60 s of progress; a destination that could not be reached is looked "
    "for every 3 s; one whose connections break again and again is published to as "
    "--connections-per-hour allows, with 30 at the latest after 4 min. refused: it said no to the "
    "key or the stream; not tried again until it is changed or resumed. Where somebody is said to "
    "publish already, or a name is refused that was ours within 15 min, also before a restart, it "
    "may hold our own dead session: it is tried for 10 min before it counts as refused. gave-up: "
    "as --retry-max or --retry-for say.\n\n"
    "Health is healthy when live, degraded when degraded, off when paused or stopped, and failing "
    "otherwise.";

constexpr char kUplink[] =
    "When all destinations together are more than the way out carries, the least important make "
    "room, by priority= and, among equals, the one that was added last first. A destination is "
    "thinned first: it gets keyframes and sound, is degraded, and its session stays open. When all "
    "but the most important are thinned and it is still too much, they are held one after the "
    "other, their sessions ended. The most important one is left alone. uplink.full tells so.\n\n"
    "With --uplink the sum of what is planned decides: the bit rate of the input as measured, or "
    "of the encoding, and 5 % for packaging; files do not count, nor what is paused or refused. It "
    "is judged before the first connection, 2.5 s after the input began, and every second; what "
    "has to make room does so at once, and gets it back when for 10 s the sum was below 95 % of "
    "the uplink.\n\n"
    "With or without it, two or more destinations for which more than 2 s of media wait at once, "
    "though they take at least a quarter of their rate, are taken to share a way that is too "
    "narrow: the least important of those for which more than 1 s waits makes room, a further step "
    "after 8 s if that was not "
    "enough. After 60 s without such a shortage the most important gets a step back; if the "
    "shortage is there again within 60 s, the next wait is twice as long, up to 10 min.";

constexpr char kSlow[] =
    "Each destination has its own queue of at most 8 MiB or 10 s. When it is full the pictures up "
    "to the next keyframe are left out, and sound last; the other destinations are not touched. "
    "After each reconnect a destination gets metadata, codec configuration and a keyframe first, "
    "with times from 0.";

void declare_run(cli::Command& root, Options& o) {
  o.input.declare(root, false);
  root.option("--to", o.to, "NAME=WHERE", "a destination; repeats. See DESTINATIONS");
  o.service.declare(root);
  root.option("--ca-file", o.ca_file, "FILE",
              "trust these authorities (PEM) for rtmps:// instead of the system's")
      .completes(cli::Completion::kFile);
  root.option("--hold", o.hold, "TIME",
              "keep the destinations open for so long when the input is gone");
  root.flag("--slate", o.slate,
            "while the input is gone, send its last picture and silence (with --hold)");
  root.option("--uplink", o.uplink, "RATE",
              "what all destinations together may need; see UPLINK. 0bps: not known");
  root.option("--duration", o.duration, "TIME", "stop after this long");
  root.section("Retries");
  root.option("--retry-max", o.retry_max, "N",
              "give a destination up after so many failures in a row; 0: never");
  root.option("--retry-for", o.retry_for, "TIME",
              "give a destination up that was not live for so long; 0s: never");
  root.option("--connections-per-hour", o.sittings, "N",
              "publish to one destination at most so often, half of it at once and then one "
              "each 7200/N seconds; 0: no bound");
  root.section("");
  root.check([&o] {
    check_command_line(o.to);
    for (const auto& [value, flag] :
         {std::pair{o.retry_max, "--retry-max"}, std::pair{o.sittings, "--connections-per-hour"}}) {
      if (value < 0)
        throw Error(Exit::kUsage, "usage.value", std::string(flag) + " is negative",
                    "0 means no bound");
    }
    for (size_t i = 0; i < o.to.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        if (o.to[i].name == o.to[j].name)
          throw Error(Exit::kUsage, "destination.name",
                      "two destinations have the name " + o.to[i].name, "names must differ");
      }
    }
  });
}

cli::Command on_destinations(Options& o, const std::string& verb, const std::string& summary) {
  cli::Command command(verb, summary);
  command.positional("STREAM", o.stream, "the stream").completes(cli::Completion::kStream);
  command.positional("NAME", o.names, "destinations");
  command.run([&o, verb](cli::Context& context) { return change(o, context, verb); });
  return command;
}

cli::Command with_spec(Options& o, const std::string& verb, const std::string& summary) {
  cli::Command command(verb, summary);
  command.positional("STREAM", o.stream, "the stream").completes(cli::Completion::kStream);
  command.positional("NAME=WHERE", o.spec, "the destination, see DESTINATIONS");
  command.check([&o] { check_command_line({o.spec}); });
  command.run([&o, verb](cli::Context& context) { return change(o, context, verb); });
  return command;
}

void declare_verbs(cli::Command& root, Options& o) {
  root.subcommand(with_spec(o, "add", "add a destination to a stream that is on air"));
  root.subcommand(with_spec(o, "set", "replace a destination or its key"));
  root.subcommand(on_destinations(o, "remove", "end destinations and forget them"));
  root.subcommand(on_destinations(o, "pause", "end destinations for now"));
  root.subcommand(on_destinations(o, "resume", "connect destinations again, refused ones as well"));
  cli::Command list_verb("list", "list the destinations and how they are");
  list_verb.positional("STREAM", o.stream, "the stream").completes(cli::Completion::kStream);
  list_verb.run([&o](cli::Context& context) { return list(o, context); });
  root.subcommand(std::move(list_verb));
  cli::Command test_verb(
      "test", "connect to a destination, publish nothing (or a second), and say what it answers");
  test_verb.positional("NAME=WHERE", o.spec, "the destination, see DESTINATIONS");
  test_verb.option("--ca-file", o.ca_file, "FILE", "trust these authorities (PEM) for rtmps://")
      .completes(cli::Completion::kFile)
      .command_line_only();
  test_verb.flag("--slate", o.test_slate, "publish a second of a test picture and silence")
      .command_line_only();
  test_verb.check([&o] { check_command_line({o.spec}); });
  test_verb.run([&o](cli::Context& context) { return test(o, context); });
  root.subcommand(std::move(test_verb));
}

}  // namespace

cli::Command command(Options& o) {
  cli::Command root("stream-simulcast", "publish one stream to many destinations");
  root.description(
      "Publishes the media of one input at any number of destinations, in one process: copied, or "
      "encoded anew for those that need it. Each destination is on its own: one that is slow, "
      "refuses or hangs delays no other.\n\n"
      "Destinations are added, removed, paused and changed while the stream is on air; such "
      "changes survive a restart under the same name.");
  root.example("stream-simulcast -i bus:demo --to youtube=@vault:yt --to twitch=@vault:tw",
               "publish a live stream to two platforms");
  root.example("stream-simulcast -i bus:demo -c destinations.yaml",
               "the same from a file with a list \"to\"");
  root.example(
      "stream-simulcast -i bus:demo --to youtube=@vault:yt --to facebook=@vault:fb,encode=auto",
      "copied to one platform, encoded for another if it would not fit there");
  root.example("stream-simulcast add demo backup=@vault:backup", "one more while on air");
  root.example("stream-simulcast list demo", "how they are");
  declare_run(root, o);
  declare_verbs(root, o);
  root.note("DESTINATIONS", kDestinations);
  root.note("ENCODING", kEncoding);
  root.note("STATES", kStates);
  root.note("SLOW DESTINATIONS", kSlow);
  root.note("UPLINK", kUplink);
  root.file("STATE/NAME/simulcast.json", "destinations that were added, removed or paused on air");
  root.file("STATE/NAME/simulcast-live.json", "which destinations were live lately");
  root.run([&o](cli::Context& context) { return run(o, context); });
  return root;
}

}  // namespace stream::simulcast

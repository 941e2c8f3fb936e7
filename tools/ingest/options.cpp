// Long because the options of the program, and the notes on them, are declared in one place.
#include "options.h"

#include <algorithm>

#include "base/error.h"
#include "base/picture_name.h"
#include "base/text.h"
#include "base/url.h"
#include "cli/secret_source.h"
#include "srt_listen.h"
#include "whip_listen.h"

namespace stream::ingest {
namespace {

constexpr char kTlsSchemes[] = "rtmps:// and whips://";

[[noreturn]] void usage(const std::string& id, const std::string& message,
                        const std::string& hint) {
  throw Error(Exit::kUsage, id, message, hint);
}

void check_source(const Options& o) {
  const int sources = o.listens() + !o.pull.empty() + !o.playlist.empty() + o.test_pattern;
  if (sources == 0)
    usage("ingest.source", "no source of media was given",
          "say --listen rtmp://127.0.0.1:1935/live, --pull FILE|URL, --playlist FILE, "
          "--test-pattern, or --input NAME=WHERE for each of several");
  if (sources > 1)
    usage("ingest.source", "--listen, --pull, --playlist and --test-pattern exclude each other",
          "run one stream-ingest for each, or name them as inputs of one stream with --input");
  const auto pulled = parse_url(o.pull);
  if (o.loop && o.playlist.empty() && (o.pull.empty() || (pulled && pulled->scheme != "file")))
    usage("ingest.loop", "--loop repeats files", "say --playlist FILE or --pull FILE");
  const std::string bus = cli::bus_name(o.output.output);
  if (!bus.empty() && !o.service.name.empty() && bus != o.service.name)
    usage("ingest.name", "--name " + o.service.name + " and -o bus:" + bus + " differ",
          "leave one of them out");
  if ((o.listen.empty() || !o.inputs.empty()) && o.to_bus() && o.single_name().empty())
    usage("ingest.output", "nothing says where the media goes",
          "say --name NAME for bus:NAME, or -o - for standard output");
}

void check_inputs(const Options& o) {
  bool publishers = false;
  for (size_t i = 0; i < o.inputs.size(); ++i) {
    publishers |= o.inputs[i].publishers;
    for (size_t k = 0; k < i; ++k) {
      if (o.inputs[i].name == o.inputs[k].name)
        usage("ingest.input", "two inputs are called '" + o.inputs[i].name + "'",
              "give each --input a name of its own");
      if (o.inputs[i].publishers && o.inputs[k].publishers && o.inputs[i].key == o.inputs[k].key)
        usage(
            "ingest.input",
            "inputs " + o.inputs[k].name + " and " + o.inputs[i].name + " take the same publishers",
            "tell them apart by the name of their key: --input " + o.inputs[i].name + "=rtmp:NAME");
    }
  }
  if (publishers && o.listen.empty())
    usage("ingest.input", "an input takes publishers and nothing listens",
          "say --listen rtmp://127.0.0.1:1935/live as well");
  if (!o.inputs.empty() && !o.listen.empty() && !publishers)
    usage("ingest.input", "--listen is given and no input takes publishers",
          "add --input primary=rtmp, or leave --listen out");
  if (!o.slate.empty() && !o.fallback.empty())
    usage("ingest.slate", "--slate and --fallback exclude each other",
          "--slate takes a text or a picture, --fallback a film");
}

void check_url(const Options& o, const std::string& text) {
  const auto url = parse_url(text);
  if (url && (url->scheme == "srt" || url->scheme == "srtla")) return check_srt(o, text);
  if (url && (url->scheme == "whip" || url->scheme == "whips")) return check_whip(o, text);
  if (!url || (url->scheme != "rtmp" && url->scheme != "rtmps"))
    usage("ingest.listen", "cannot listen on '" + escaped(text) + "'",
          "write rtmp://ADDRESS:PORT/APP, for example rtmp://127.0.0.1:1935/live, "
          "rtmps://ADDRESS:PORT/APP, srt://ADDRESS:PORT, srtla://ADDRESS:PORT, "
          "whip://ADDRESS:PORT or whips://ADDRESS:PORT");
}

bool listens_on(const Options& o, const std::vector<std::string>& schemes) {
  return std::any_of(o.listen.begin(), o.listen.end(), [&](const std::string& url) {
    return std::find(schemes.begin(), schemes.end(), url.substr(0, url.find(':'))) != schemes.end();
  });
}

void check_rtc(const Options& o) {
  if (!listens_on(o, {"whip", "whips"}) && !(o.rtc_addresses.empty() && o.ice.empty()))
    usage("ingest.rtc",
          "--rtc-address, --ice-server and --turn-... are for whip:// and whips://, and nothing "
          "listens there",
          "say --listen whip://ADDRESS:PORT");
  ice_servers(o);
  if (o.rtc_port > 65535)
    usage("ingest.rtc", "--rtc-port " + std::to_string(o.rtc_port) + " is no port",
          "take one up to 65535, or 0 for any that is free");
}

void check_listen(const Options& o) {
  o.tls.check(listens_on(o, {"rtmps", "whips"}), "ingest.certificate", kTlsSchemes,
              "rtmps://ADDRESS:PORT/APP or whips://ADDRESS:PORT");
  check_rtc(o);
  if (o.listen.empty()) {
    if (o.asks_for_keys() || !o.open.empty())
      usage("ingest.keys", "--key-file, --auth-url, --token-key and --open need --listen",
            "say --listen rtmp://HOST:PORT/APP");
    return;
  }
  for (const std::string& text : o.listen) check_url(o, text);
  for (const std::string& name : o.open) check_stream_name(name);
  const bool implied = o.open.empty() && !o.asks_for_keys() && !o.single_name().empty();
  if (o.open.empty() && !o.asks_for_keys() && !implied)
    usage("ingest.keys", "nothing says who may publish",
          "say --key-file FILE (stream-keys new NAME --store FILE makes one), --auth-url URL, or "
          "--open NAME for a stream without a key");
  const auto auth_url = parse_url(o.auth_url);
  if (auth_url && cli::carries_secret(*auth_url))
    usage("secret.argv", "the URL of --auth-url carries a secret",
          "put the URL into a file and write --auth-url @file:PATH");
  for (const std::string& text : o.listen) {
    const Url url = *parse_url(text);
    if ((!o.open.empty() || implied) && !is_loopback_host(url.host) && !o.insecure)
      usage("ingest.open",
            "a stream without a key would be open to everybody who reaches " + url.authority(1935),
            "use --key-file, listen on 127.0.0.1, or say --insecure");
  }
  if (!o.to_bus() && o.single_name().empty())
    usage("ingest.output", "-o " + o.output.output + " takes one stream and several may come",
          "say which with --name NAME");
}

}  // namespace

std::string Options::single_name() const {
  if (!service.name.empty()) return service.name;
  if (const std::string bus = cli::bus_name(output.output); !bus.empty()) return bus;
  return open.size() == 1 && !asks_for_keys() ? open.front() : std::string();
}

media::OnSlow Options::slow_policy(bool live) const {
  if (on_slow == "block") return media::OnSlow::kBlock;
  if (on_slow == "drop") return media::OnSlow::kDrop;
  return live ? media::OnSlow::kDrop : media::OnSlow::kBlock;
}

media::SlateSource Options::slate_source() const {
  if (!fallback.empty()) return {{}, fallback};
  // What is there as a file is a picture; a slate that was meant to be one is not shown as a text.
  return is_picture_name(slate) ? media::SlateSource{{}, slate} : media::SlateSource{slate, {}};
}

void describe(cli::Command& c) {
  c.description(
      "Lets RTMP, SRT and WHIP publishers in by their stream key, repairs what they send and "
      "serves "
      "each stream "
      "to any number of readers as bus:NAME, or writes one stream to standard output. Files, URLs "
      "and a test pattern take the same way without a network.\n\n"
      "A second connection with the same valid key replaces the first one; readers see one "
      "discontinuity. When a publisher is lost its stream is held for a while and continued if it "
      "comes back; with --slate or --fallback something is shown meanwhile.\n\n"
      "With several --input the first that delivers is on air. An input is taken at a keyframe, "
      "which loses at most a group of pictures and marks one discontinuity per change; the verb "
      "ingest.switch on the control socket takes {\"input\": NAME}, slate or auto. With inputs "
      "or a slate an encoder that stops is treated like one that is lost.");
  c.example("stream-ingest --listen rtmp://0.0.0.0:1935/live --key-file keys",
            "take publishers that have a key; each is bus:NAME");
  c.example("stream-ingest --listen rtmp://127.0.0.1:1935/live --open demo -o - | ffplay -",
            "watch what an encoder on this machine sends");
  c.example("stream-ingest --listen srt://:9000?passphrase=@vault:srt --key-file keys",
            "take SRT publishers, whose stream id is the key");
  c.example(
      "stream-ingest --listen 'srtla://:5000?latency=2s&passphrase=@vault:srt' --key-file keys",
      "take phones that bond their links");
  c.example("stream-ingest --listen whip://127.0.0.1:8889 --key-file keys",
            "take browsers and other WebRTC publishers: POST /STREAM/whip");
  c.example(
      "stream-ingest --listen whips://:8889 --cert fullchain.pem --key privkey.pem --key-file keys",
      "the same for phones: from their browsers, by HTTPS");
  c.example(
      "stream-ingest --listen rtmp://0.0.0.0:1935/live --key-file keys --name demo --input "
      "primary=rtmp --input backup=rtsp://192.0.2.7/cam --slate 'Back soon'",
      "a camera takes over when the encoder fails, a text when both do");
  c.example(
      "stream-ingest --listen rtmps://:1936/live --cert fullchain.pem --key privkey.pem "
      "--key-file keys",
      "the same in TLS, so that keys do not travel in plain sight");
  c.example("stream-ingest --test-pattern --name demo", "a stream without any camera");
  c.note("Socket activation",
         "A listening socket that the service manager passes (LISTEN_FDS) takes the place of the "
         "address of the --listen with its port, for RTMP and RTMPS: who connects while "
         "stream-ingest starts anew is kept waiting, not refused, and a port below 1024 needs no "
         "privilege. One whose port no --listen names is an error, and so is one that other "
         "machines reach where --listen says loopback. SRT opens its own.");
  c.note("SRT",
         "An SRT address is srt://HOST:PORT with options behind it: latency=120ms (the greater of "
         "both sides' counts; four times the round trip is usual), passphrase=SOURCE and "
         "pbkeylen=16, 24 or 32. On an address that others can reach a passphrase is demanded "
         "unless --insecure says otherwise, for a stream id travels in plain sight.\n\n"
         "The key is taken from the stream id in all the forms that encoders send: KEY, "
         "#!::r=NAME,m=publish,u=KEY, publish:NAME:KEY, a path or a URL that ends with it, also "
         "percent-encoded. With a single --open stream and no keys it may be left out. Refusals "
         "have the codes of SRT's access control: 1401 for a wrong key, 1403 for another stream, "
         "1405 for a receiver, 1409 for a stream that is live.\n\n"
         "What is sent must be MPEG-TS. Its tables may come late and change; of several programs "
         "the first one with media is taken. The state of the way (round trip, loss, "
         "retransmission) is in the status and each second in the event publisher.health.");
  c.note("SRT over several links",
         "srtla://ADDRESS:PORT takes publishers that spread one SRT connection over several links, "
         "such as two modems and Wi-Fi, by the SRTLA protocol of BELABOX, version 2. What is said "
         "of srt:// holds for it: its options, stream ids and refusals. A link may fail and come "
         "back while the stream goes on; what was on the way is sent again by another one, for "
         "which the latency must have room: 2s is usual, latency=2s. Packets that overtake each "
         "other between links are not asked for again.\n\n"
         "Up to 8 links belong to a publisher, and up to 200 publishers to a port; of those who "
         "are not let in yet the oldest makes room, and 32 at most come from one address.");
  c.note(
      "WHIP",
      "whip://ADDRESS:PORT is the HTTP side of RFC 9725: a publisher sends its offer to "
      "http://ADDRESS:PORT/STREAM/whip with its key as bearer token (Authorization: Bearer KEY; a "
      "stream of --open needs none). Browsers open cameras only on pages that came over HTTPS or "
      "from this machine, and then publish to HTTPS alone: that is whips://ADDRESS:PORT with "
      "--cert and --key, and https://ADDRESS:PORT/STREAM/whip. Or put a proxy that has a "
      "certificate in front, and let whip:// listen on 127.0.0.1. Media does not go by HTTP: all "
      "sessions share one port, --rtc-port, by UDP or, where a network lets none pass, by TCP, "
      "encrypted always. Behind NAT, or in a container, --rtc-address says what publishers are to "
      "be told. Those that can't reach it may go by a TURN server: --ice-server names it to "
      "whoever was let in, with a login that --turn-secret makes for a day.\n\n"
      "H.264, H.265, VP9, VP8 and AV1 are taken, the first of these that the publisher offers and "
      "--codecs allows, and Opus. B-frames are refused: WebRTC has no time to decode at. Of a "
      "simulcast the best layer that arrives is taken. What is lost is asked for again for 250 "
      "ms; then pictures are held back up to the next key frame, which is asked for, and the gap "
      "is marked as a discontinuity. A key frame is asked for every 2 s, too, for readers that "
      "join.\n\n"
      "Refusals are JSON (application/problem+json): 401 for a wrong or missing key, 403 for "
      "another stream's, 409 for a stream that is live with --on-conflict refuse, 400 and 422 for "
      "an offer that can't be taken, 503 when it may be tried again. An offer alone replaces "
      "nobody: the publisher that is there ends when the media of the new one can flow. DELETE "
      "of the session's URL stops it; a late one for a session that is over touches nothing. Who "
      "goes without a word is noticed when no media came for --idle-timeout.");
  c.note("What is pulled",
         "A URL that is pulled opens only what its protocol needs: a playlist that came over HTTP "
         "reads no files. Each address is judged at the moment of connecting, also after redirects "
         "and when a name changes its address: loopback, private, link-local and other inner "
         "addresses are refused, but for the address and port that stand in the URL itself as "
         "numbers (or localhost). A camera in your own network is written with its address, or "
         "allowed: --pull-allow 192.168.0.0/16.\n\n"
         "srt://HOST:PORT calls a side that listens and takes its MPEG-TS; with mode=rendezvous "
         "both sides call, from the same port. adapter=ADDRESS is our own address, where there are "
         "several; latency, passphrase, streamid and pbkeylen are as for --listen, and passphrase "
         "and streamid may name where they are (passphrase=@vault:NAME).");
  c.note(
      "Playlists",
      "--playlist takes an .m3u (a path a line, lines with # are comments) or YAML (a list of "
      "paths). Paths are relative to the playlist. The last picture of a file is followed by the "
      "first of the next at the distance of a picture, and sound stays in sync. With --loop the "
      "playlist is read anew for each round, so that what is changed there counts from the next "
      "one on; one that can't be read then changes nothing.\n\n"
      "The first file says what the tracks are. The others may differ in size and rate of the "
      "picture, not in codec, rate of the sound or kind of container; one that does, is damaged "
      "or not there is left out with the event playlist.left_out. playlist.item tells what is "
      "on.");
  c.note("Asking an endpoint",
         "--auth-url gets a POST for each publisher whose key is neither in --key-file nor a token "
         "of --token-key, in JSON of the schema stream.publish_question/1: protocol, address, ip, "
         "encoder, the stream that the publisher names beside the key (or null), and the key (or "
         "null). It is https://, or http:// to this machine, redirects are not followed, and a URL "
         "with a secret in it is read from a file.\n\n"
         "Until it answers nothing is accepted from the publisher and it is told nothing; other "
         "publishers and all media go on. 2xx lets it in: to the stream that the answer's body "
         "names ({\"stream\": NAME}), else to the one that the publisher named, else to the only "
         "one of this instance. 401 and 403 refuse the key. Anything else, and no answer within 3 "
         "s, refuses the publisher as unavailable: its connection is closed without a status, so "
         "that encoders which reconnect try again, and publisher.refused has the error "
         "publish.unavailable. An answer counts for 5 s for the same key from the same address.\n\n"
         "SRT has to answer within its handshake: an endpoint that takes more than 1 s, or many "
         "questions at once, refuse the attempt with code 1402, and the next one finds the answer "
         "there. While it is waited for nothing is received on the port, so let the endpoint "
         "answer faster than the latency of SRT.");
}

void declare(cli::Command& c, Options& o) {
  c.section("Sources");
  c.option("--listen", o.listen, "URL",
           "take RTMP publishers on rtmp://ADDRESS:PORT/APP or, in TLS, rtmps://ADDRESS:PORT/APP, "
           "or SRT publishers on srt://ADDRESS:PORT, over several links at once on "
           "srtla://ADDRESS:PORT, or WHIP publishers on whip://ADDRESS:PORT or, in TLS, "
           "whips://ADDRESS:PORT; repeat for each address. Port 0, not of SRT, takes a free one, "
           "which stream-ingest endpoints tells. Each stream appears as bus:NAME")
      .url();
  c.option("--pull", o.pull, "FILE|URL",
           "read a file or a URL, anything that libavformat opens, or srt://HOST:PORT (caller or "
           "rendezvous)")
      .url()
      .completes(cli::Completion::kFile);
  c.option("--playlist", o.playlist, "FILE",
           "play the files that it names one after the other, as one stream")
      .completes(cli::Completion::kFile);
  c.flag("--loop", o.loop, "play the playlist, or the file of --pull, over and over");
  c.option(
      "--pull-allow", o.pull_allow, "ADDRESS|PROTOCOL",
      "what a pulled playlist, a redirect or a host's name may lead to beside public addresses "
      "and the one that stands in the URL: an inner address or a block of them, or a protocol "
      "such as file; repeat for each");
  c.flag("--test-pattern", o.test_pattern,
         "make a moving picture with a clock, a frame counter and, each second, a flash and a beep "
         "at the same instant");
  c.option(
      "--input", o.inputs, "NAME=WHERE",
      "one of several inputs of the one stream, the preferred one first: rtmp, srt or whip for "
      "the publishers of --listen, rtmp:KEYNAME for those of another key, a file or a URL that is "
      "pulled, @file:PATH for a URL with a key. Repeat for each");

  c.section("When nothing comes");
  c.option("--hold", o.hold, "TIME", "keep a stream's readers for this long without any input");
  c.option("--slate", o.slate, "TEXT|PICTURE",
           "show this text, or this picture file, while no input delivers")
      .completes(cli::Completion::kFile);
  c.option("--fallback", o.fallback, "FILE", "show this film in a loop; its first minute")
      .completes(cli::Completion::kFile);
  c.option("--stall", o.stall, "TIME",
           "an input that sends nothing for this long is left for the next one or the slate");

  c.option("--checks", o.checks, "WHAT",
           "what is measured while a stream runs and told by check.failed. packets: by their times "
           "and sizes; all: also silence and black or frozen pictures, which costs at most a tenth "
           "of a core")
      .choices({"all", "packets", "none"});

  c.section("Output");
  o.output.declare(c, false);
  c.option("--on-slow", o.on_slow, "WHAT",
           "when the output is slower than the media. drop: up to the next keyframe; block: the "
           "source waits; auto: drop for publishers, block for files and patterns")
      .choices({"auto", "drop", "block"});
  o.service.declare(c);

  c.section("Publishers (--listen)");
  c.option("--key-file", o.key_file, "FILE", "the keys that may publish, each to a stream")
      .completes(cli::Completion::kFile);
  c.option("--token-key", o.token_key, "FILE",
           "a public key (JSON Web Key): tokens that its owner signed are taken in the place of "
           "keys, see stream-keys token publish")
      .completes(cli::Completion::kFile);
  c.option("--auth-url", o.auth_url, "URL|@file:PATH",
           "ask there about keys that nothing else knows, see ASKING AN ENDPOINT")
      .url();
  o.tls.declare(c, kTlsSchemes);
  c.option("--open", o.open, "NAME",
           "let anybody publish this stream under its name; loopback only");
  c.flag("--insecure", o.insecure, "allow --open on addresses that others can reach");
  c.option("--passphrase", o.passphrases, "STREAM=SOURCE",
           "SRT publishers of this stream encrypt with it, instead of the one in the address; "
           "repeat for each stream");
  c.option("--rtc-port", o.rtc_port, "N",
           "port, UDP and TCP, for the media of all WHIP publishers; 0: any");
  c.option("--rtc-address", o.rtc_addresses, "ADDRESS",
           "tell WHIP publishers to send there, as ADDRESS or ADDRESS:PORT, instead of to all the "
           "addresses that this machine knows of itself; repeat for each");
  o.ice.declare(c, "WHIP publishers");
  c.option("--on-conflict", o.on_conflict, "WHAT",
           "a second publisher with a valid key for a stream that is live replaces the first one, "
           "or is refused")
      .choices({"replace", "refuse"});
  c.option("--codecs", o.codecs, "CODEC",
           "accept these codecs only (h264, hevc, av1, vp9, aac, opus ...); repeat for each");
  c.section("Limits (--listen)");
  c.option("--admission-timeout", o.admission, "TIME",
           "for handshake, connect and publish together");
  c.option("--idle-timeout", o.idle, "TIME", "drop a publisher that sends no media for this long");
  c.option("--max-connections", o.max_connections, "N", "connections at once");
  c.option("--max-waiting", o.max_waiting, "N",
           "connections that have not published yet; the oldest makes room");
  c.option("--max-waiting-per-address", o.max_waiting_per_address, "N",
           "the same, from one address; the newest is refused");
  c.option("--waiting-memory", o.waiting_memory, "SIZE",
           "for what a connection sent before it publishes");

  c.section("Files and patterns (--pull, --playlist, --test-pattern)");
  c.flag("--realtime", o.realtime, "pace by the clock; the bus is paced always");
  c.option("--duration", o.duration, "TIME", "end after this much media");
  c.option("--size", o.size, "WxH", "of the test pattern");
  c.option("--rate", o.rate, "FPS", "frames per second of the test pattern");
  c.option("--bit-rate", o.bit_rate, "RATE", "of the test pattern's picture; 0k: by its size");
  c.section("");
  c.check([&o] {
    check_source(o);
    check_inputs(o);
    check_listen(o);
    if (o.rate < 1 || o.rate > 240)
      usage("ingest.rate", "--rate takes from 1 to 240 frames per second", "for example --rate 30");
  });
}

}  // namespace stream::ingest

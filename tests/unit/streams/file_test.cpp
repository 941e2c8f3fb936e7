#include "streams/file.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "streams/estimate.h"

using namespace stream;
using namespace stream::streams;

namespace {

File parse(const std::string& text) {
  return parse_file(config::Node::parse(text, "s.yaml"), "/srv");
}

std::string failure(const std::string& text) {
  try {
    parse(text);
  } catch (const Error& e) {
    CHECK(e.code() == Exit::kConfig);
    CHECK(e.id() == "config.invalid");
    return std::string(e.what()) + " / " + e.hint();
  }
  return "none";
}

constexpr char kWhole[] =
    "name: wedding\n"
    "title: \"Anna: Ben\"\n"
    "group: chapel\n"
    "visibility: {visible: false, public: false, allow: [anna, ben], owner: otto}\n"
    "input:\n"
    "  listen: rtmp://0.0.0.0:1935/live\n"
    "  key_file: keys\n"
    "  hold: 1m\n"
    "  codecs: [h264, aac]\n"
    "ladder: {output: hls/wedding, rungs: [720p@2800k, 360p], dvr: all, copy_top: false}\n"
    "record:\n"
    "  output: /var/rec\n"
    "simulcast: {slate: true, retry_max: 3, uplink: 12M}\n"
    "serve: {listen: \"http://127.0.0.1:8080\"}\n"
    "destinations:\n"
    "  youtube: \"@vault:yt\"\n"
    "  own: {url: rtmp://h/app, key: \"@file:own.key\", profile: custom, priority: 9, video: "
    "720p@4000k}\n";

bool has(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("stream file") {
  const File file = parse(kWhole);

  SUBCASE("what it says") {
    CHECK(file.name == "wedding");
    CHECK(file.title == "Anna: Ben");
    CHECK(file.visibility->hidden);
    CHECK(file.visibility->allow.size() == 2);
    CHECK(file.find("input")->value("key_file") == "/srv/keys");
    CHECK(file.find("ladder")->find("copy_top") == nullptr);
    CHECK(file.find("ladder")->find("rungs")->values.size() == 2);
    CHECK(file.destinations[1].spec() == "youtube=@vault:yt");
    CHECK(file.destinations[0].spec() ==
          "own=rtmp://h/app,key=@file:/srv/own.key,profile=custom,video=720p@4000k,priority=9");
  }
  SUBCASE("its normal forms are the same file") {
    CHECK(file_from_json(to_json(file), "x") == file);
    CHECK(parse_file(config::Node::parse(to_yaml(file), "y"), "/elsewhere") == file);
  }
  SUBCASE("every prefix is a file or an error with a position") {
    const std::string whole = kWhole;
    for (size_t n = 0; n < whole.size(); ++n) {
      const std::string said = failure(whole.substr(0, n));
      CHECK((said == "none" || said.find("s.yaml:") == 0));
    }
  }
}

TEST_CASE("a wrong stream file is told with place and right word") {
  const std::string base = "name: a\ninput: {test_pattern: true}\n";
  CHECK(failure(base + "laddr: {output: x}\n") ==
        "s.yaml:3:1: unknown key 'laddr' / did you mean ladder?");
  CHECK(failure(base + "ladder:\n  outptu: x\n") ==
        "s.yaml:4:3: unknown key 'outptu' / did you mean output?");
  CHECK(failure(base + "ladder: {output: x, format: fmp5}\n") ==
        "s.yaml:3:29: 'fmp5' is not one of fmp4, ts / did you mean fmp4?");
  CHECK(has(failure(base + "record: {output: x, duration: 30}\n"), "s.yaml:3:31: '30'"));
  CHECK(has(failure(base + "ladder: {output: x, rungs: [big]}\n"), "s.yaml:3:29: 'big'"));
  CHECK(has(failure(base + "name: b\n"), "s.yaml:3:1: 'name' was given before"));
  CHECK(has(failure("name: ../a\ninput: {test_pattern: true}\n"), "s.yaml:1:7: '../a' is not"));
  CHECK(has(failure("name: a\n"), "'input' is missing"));
  CHECK(has(failure("name: a\ninput: {}\n"), "s.yaml:2:8: the input has no source"));
  CHECK(has(failure("name: a\ninput: {pull: x, external: true}\n"), "more than one source"));
  CHECK(has(failure("name: a\ninput: {listen: \"rtmp://0.0.0.0/l\"}\n"), "who may publish"));
  CHECK(has(failure("name: a\ninput: {listen: \"rtmp://0.0.0.0/l\", open: true}\n"),
            "s.yaml:2:43: the stream would be open"));
  CHECK(has(failure(base + "ladder: {dvr: all}\n"), "nothing says where the rungs go"));
  CHECK(failure(base + "visibility: {publik: false}\n") ==
        "s.yaml:3:14: unknown key 'publik' / did you mean public?");
  CHECK(has(failure(base + "visibility: {allow: [anna]}\n"), "everybody may see a public stream"));
  CHECK(has(failure(base + "visibility: {public: false, allow: [a, a]}\n"), "twice"));
  CHECK(has(failure(base + "visibility: {public: false, owner: \"\"}\n"), "a user's name"));
  CHECK(has(failure(base + "simulcast: {slate: true}\n"), "no destinations"));
  CHECK(has(failure(base + "destinations: {x: {url: \"rtmp://h/a\", key: hunter2}}\n"),
            "a key is not written here"));
  CHECK_FALSE(has(failure(base + "destinations: {x: {key: hunter2}}\n"), "hunter2"));
  CHECK(has(failure(base + "destinations: {x: \"@-\"}\n"), "only once"));
  CHECK(has(failure(base + "destinations: {x: {url: \"rtmp://h/a\", encode: alway}}\n"),
            "not one of auto, never, always / did you mean always?"));
  CHECK(has(failure(base + "destinations: {x: {url: \"rtmp://h/a\", video: big}}\n"), "'big'"));
  CHECK(has(failure(base + "destinations: {x: {url: \"rtmp://h/a\", priority: 10}}\n"),
            "'10' is not one of 1, 2"));
  CHECK(has(failure(base + "destinations: {X: \"@vault:a\"}\n"), "no name for a destination"));
}

TEST_CASE("a stream that is only shown over WebRTC needs no directory") {
  const std::string serve = "name: a\ninput: {test_pattern: true}\nserve: {listen: \"http://h:1\"";
  const File file = parse(serve + ", whep: true}\n");
  CHECK(processes(file)[1].argv == std::vector<std::string>{"stream-serve", "--name", "a",
                                                            "--listen", "http://h:1", "--whep"});
  CHECK(
      has(failure(serve + "}\n"), "s.yaml:3:8: nothing says what is served / say hls: DIR, whep:"));
  // Its rights stand in its manifest.
  CHECK(failure(serve + ", whep: true}\nvisibility: {public: false}\n") == "none");
}

TEST_CASE("a ladder of live streams alone needs no directory, and says nothing of files") {
  const std::string base = "name: a\ninput: {external: true}\n";
  const std::string ladder = base + "ladder: {rungs: [720p], bus: true";
  const std::string serve = "}\nserve: {listen: \"http://h:1\"";
  const File file = parse(ladder + ", low_delay: true" + serve + ", whep: true}\n");
  const auto list = processes(file);
  REQUIRE(list.size() == 2);
  CHECK(list[0].argv == std::vector<std::string>{"stream-serve", "--name", "a", "--listen",
                                                 "http://h:1", "--whep"});
  CHECK(list[1].argv == std::vector<std::string>{"stream-ladder", "--input", "bus:a", "--name", "a",
                                                 "--rung", "720p", "--low-delay", "--bus"});
  CHECK(hls_output(file).empty());
  CHECK(parse(to_yaml(file)) == file);
  CHECK(has(failure(base + "ladder: {rungs: [720p]}\n"),
            "s.yaml:3:9: nothing says where the rungs "
            "go / say output: DIR for HLS, bus: true"));
  CHECK(has(failure(ladder + ", dvr: all}\n"), "s.yaml:3:41: it is said of HLS"));
  CHECK(has(failure(ladder + ", format: ts}\n"), "it is said of HLS"));
  CHECK(has(failure(ladder + serve + "}\n"), "nothing says what is served"));
  CHECK(has(failure(ladder + "}\narchive: {to: \"dir:k\", what: live}\n"),
            "there is no output in the ladder"));
}

TEST_CASE("what speaks TLS in a stream file has a certificate") {
  const std::string input =
      "name: a\ninput: {listen: [\"rtmp://h/l\", \"whips://h:1\"], key_file: k";
  CHECK(failure(input + ", cert: c, key: k}\n") == "none");
  CHECK(has(failure(input + ", key: k}\n"), "s.yaml:2:8: 'cert' is missing for whips://h:1"));
  CHECK(has(failure(input + ", cert: c}\n"), "'key' is missing for whips://h:1"));
  const std::string serve = "name: a\ninput: {test_pattern: true}\nserve: {hls: x, listen: ";
  CHECK(failure(serve + "\"https://h:1\", cert: c, key: \"@vault:k\"}\n") == "none");
  CHECK(
      has(failure(serve + "\"https://h:1\"}\n"), "s.yaml:3:8: 'cert' is missing for https://h:1"));
  CHECK(has(failure(serve + "\"http://h:1\", cert: c, key: k}\n"),
            "s.yaml:3:45: nothing listens in TLS / listen on https://"));
}

TEST_CASE("processes") {
  const auto list = processes(parse(kWhole));
  REQUIRE(list.size() == 5);
  CHECK(list[0].tool == "ingest");
  CHECK(list[1].tool == "serve");
  using Words = std::vector<std::string>;
  CHECK(list[0].argv == Words{"stream-ingest", "--name", "wedding", "--listen",
                              "rtmp://0.0.0.0:1935/live", "--key-file", "/srv/keys", "--codecs",
                              "h264", "--codecs", "aac", "--hold", "1m"});
  CHECK(list[1].argv == Words{"stream-serve", "--name", "wedding", "--hls", "/srv/hls/wedding",
                              "--listen", "http://127.0.0.1:8080"});
  CHECK(list[2].argv == Words{"stream-ladder", "--input", "bus:wedding", "--name", "wedding",
                              "--output", "/srv/hls/wedding", "--rung", "720p@2800k", "--rung",
                              "360p", "--dvr", "all"});
  CHECK(list[4].argv == Words{"stream-simulcast", "--input", "bus:wedding", "--name", "wedding",
                              "--slate", "--uplink", "12M", "--retry-max", "3"});
  CHECK_FALSE(list[1].reads_media);
  CHECK(list[3].reads_media);
  CHECK(processes(parse("name: a\ninput: {external: true}\n")).empty());
}

TEST_CASE("an archive: what it follows, for whom; what is left at the end") {
  using Words = std::vector<std::string>;
  const std::string base =
      "name: a\ninput: {test_pattern: true}\nladder: {output: hls}\nrecord: {output: rec}\n"
      "visibility: {visible: false, public: false, allow: [anna, ben], owner: otto}\n";
  const File file = parse(base + "archive: {to: \"dir:kept\", what: all, limit: 10M}\n");
  const auto list = processes(file);
  const auto at = std::find_if(list.begin(), list.end(), [](const auto& p) { return p.stores; });
  REQUIRE(at != list.end());
  CHECK_FALSE(at->reads_media);
  Words words{"stream-archive", "follow",  "a",        "--recordings",
              "/srv/rec",       "--live",  "/srv/hls", "--to",
              "dir:/srv/kept",  "--limit", "10M",      "--private",
              "--hidden",       "--owner", "otto",     "--allow",
              "anna",           "--allow", "ben"};
  CHECK(at->argv == words);
  words.push_back("--once");
  CHECK(archive_once(file)->argv == words);
  CHECK_FALSE(archive_once(parse(base)));
  const File recordings = parse(base + "archive: {to: \"s3://b/p\"}\n");
  CHECK(archives_recordings(recordings));
  CHECK_FALSE(archives_live(recordings));
  CHECK(difference(parse(base), recordings).started == Words{"archive"});
  CHECK(difference(recordings, file).restarted == Words{"archive"});
}

TEST_CASE("what paths and secrets become") {
  using Words = std::vector<std::string>;
  const File file = parse(
      "name: a\n"
      "input:\n"
      "  listen: [\"rtmps://0.0.0.0:1936/live\", \"srt://0.0.0.0:9000\"]\n"
      "  inputs: [main=rtmp, second=srt:spare, far=srt://h:1, film=films/a.mp4, "
      "\"cam=@file:cam\"]\n"
      "  token_key: pub.json\n"
      "  cert: c.pem\n"
      "  key: \"@vault:tls\"\n"
      "  passphrase: \"@file:pass\"\n"
      "  slate: soon.png\n"
      "record: {output: rec, split: 2GiB, tracks: \"video,audio\", min_free: 1GiB, standby: "
      "true}\n");
  const auto list = processes(file);
  CHECK(list[0].argv == Words{"stream-ingest",
                              "--name",
                              "a",
                              "--listen",
                              "rtmps://0.0.0.0:1936/live",
                              "--listen",
                              "srt://0.0.0.0:9000",
                              "--input",
                              "main=rtmp",
                              "--input",
                              "second=srt:spare",
                              "--input",
                              "far=srt://h:1",
                              "--input",
                              "film=/srv/films/a.mp4",
                              "--input",
                              "cam=@file:/srv/cam",
                              "--token-key",
                              "/srv/pub.json",
                              "--cert",
                              "/srv/c.pem",
                              "--key",
                              "@vault:tls",
                              "--passphrase",
                              "a=@file:/srv/pass",
                              "--slate",
                              "/srv/soon.png"});
  CHECK(list[1].argv == Words{"stream-record", "--input", "bus:a", "--name", "a", "--output",
                              "/srv/rec", "--tracks", "video,audio", "--split", "2GiB", "--standby",
                              "--min-free", "1GiB"});
  CHECK(file_from_json(to_json(file), "x") == file);

  const auto input = [](const char* text) {
    return failure("name: a\ninput: {" + std::string(text) + "}\n");
  };
  CHECK(has(input("inputs: [rtmp]"), "s.yaml:2:18: 'rtmp' is not of the form NAME=WHERE"));
  CHECK(has(input("inputs: [a=x.mp4], pull: y.mp4"), "more than one source"));
  CHECK(has(input("inputs: [\"a=rtmp://u:hunter2@h/x\"]"), "carries a password"));
  CHECK(has(input("listen: \"srt://127.0.0.1:1\", open: true, passphrase: hunter22222"),
            "a secret is not written here"));
  CHECK(has(failure("name: a\ninput: {test_pattern: true}\nrecord: {output: x, split: 2}\n"),
            "s.yaml:3:28: "));
}

TEST_CASE("difference") {
  const File file = parse(kWhole);
  CHECK(difference(file, file).empty());
  File other = file;
  other.title = "x";
  CHECK(difference(file, other).other);
  other = file;
  other.destinations[1].url = "@vault:other";
  other.destinations.erase(other.destinations.begin());
  other.destinations.push_back({"third", "rtmp://h/a", "", {}});
  const Difference d = difference(file, other);
  CHECK(d.restarted.empty());
  CHECK(d.destinations_set == std::vector<std::string>{"youtube", "third"});
  CHECK(d.destinations_removed == std::vector<std::string>{"own"});
  other = parse(
      "name: wedding\ninput: {test_pattern: true}\nrecord: {output: /var/rec}\n"
      "serve: {listen: \"http://127.0.0.1:1\", hls: /x}\n");
  const Difference e = difference(file, other);
  CHECK(e.started.empty());
  CHECK(e.restarted == std::vector<std::string>{"ingest", "serve"});
  CHECK(e.ended == std::vector<std::string>{"ladder", "simulcast"});
}

TEST_CASE("estimate") {
  const File file = parse(kWhole);
  const Estimate e = estimate(file);
  REQUIRE(e.needs.size() == processes(file).size());
  CHECK(e.input_bps == doctest::Approx(6.2e6).epsilon(0.05));
  const Need total = e.total();
  // One copies, one has its own encoding of 720p at 4 Mbit/s.
  CHECK(total.up_bps == doctest::Approx(e.input_bps + 4e6).epsilon(0.05));
  CHECK(total.cores > 1);
  CHECK(total.cores < 2.5);
  // The recording and an hour of two rungs.
  CHECK(total.disk_bytes > 4e9);
  CHECK(total.disk_bytes < 6e9);
  const Estimate p = estimate(parse(
      "name: a\ninput: {test_pattern: true, size: 640x360, bit_rate: 1M}\nrecord: {output: r}\n"));
  CHECK(p.needs[1].disk_bytes == doctest::Approx(450e6).epsilon(0.02));
}

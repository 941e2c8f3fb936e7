#include "cli/settings.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "cli/secret_source.h"
#include "unit/cli/support.h"
#include "unit/temp_dir.h"

using namespace stream;
using namespace stream::cli;

namespace {

struct Dir : TempDir {
  Dir() { ::setenv("STREAM_CONFIG_DIR", path.c_str(), 1); }
  ~Dir() { ::unsetenv("STREAM_CONFIG_DIR"); }
  std::string write(const std::string& name, const std::string& text, mode_t mode = 0600) {
    const std::string file = path + "/" + name;
    std::ofstream(file) << text;
    ::chmod(file.c_str(), mode);
    return file;
  }
};

struct SettingsFixture {
  SettingsFixture() {
    root.option("--segment", segment, "TIME", "segment");
    root.option("--rung", rungs, "SPEC", "rung");
    root.option("--rate", rate, "RATE", "rate");
    root.option("--count", count, "N", "count");
    root.option("--mode", mode, "MODE", "mode").choices({"fast", "slow"});
    root.option("--url", url, "URL", "url").url();
    root.option("--key", key, "SOURCE", "key");
    root.flag("--copy", copy, "copy");
    general.option("-c,--config", config, "FILE", "config").in_file = false;
    general.flag("-v,--verbose", verbose, "more").shared();
  }
  Invocation apply(const std::vector<std::string>& args, bool insecure = false) {
    Invocation invocation = parse(root, general, args);
    add_layers(invocation, general, options_in_scope(invocation.path, general));
    apply_settings(invocation, insecure);
    return invocation;
  }
  Error error(const std::vector<std::string>& args) {
    try {
      apply(args);
    } catch (const Error& e) {
      return e;
    }
    return Error(Exit::kOk, "none", "none");
  }

  Command root{"stream-test", "test"}, general{"general", ""};
  Duration segment{std::chrono::seconds(2)};
  std::vector<std::string> rungs;
  std::optional<BitRate> rate;
  int count = 1, verbose = 0;
  std::string mode = "fast", url, config;
  std::optional<Secret> key;
  bool copy = false;
};

}  // namespace

TEST_CASE("settings: flag over environment over --config over the user's file over the default") {
  Dir dir;
  {
    SettingsFixture f;
    CHECK(f.apply({}).settings.empty());
    CHECK(f.segment.seconds() == 2);
  }
  dir.write("test.yaml", "segment: 3s\ncount: 3\nrung: [a, b]\ncopy: true\nverbose: 2\n");
  const std::string extra = dir.write("extra.yaml", "segment: 4s\n");
  SUBCASE("the user's file") {
    SettingsFixture f;
    f.apply({});
    CHECK(f.segment.seconds() == 3);
    CHECK(f.count == 3);
    CHECK(f.rungs == std::vector<std::string>{"a", "b"});
    CHECK(f.copy);
    CHECK(f.verbose == 2);
  }
  SUBCASE("--config above it") {
    SettingsFixture f;
    f.apply({"--config", extra});
    CHECK(f.segment.seconds() == 4);
    CHECK(f.count == 3);
  }
  SUBCASE("the environment above files") {
    const Environment environment{{"STREAM_TEST_SEGMENT", "5s"},
                                  {"STREAM_TEST_RUNG", "x\ny z"},
                                  {"STREAM_TEST_COPY", "false"},
                                  {"STREAM_VERBOSE", "1"},
                                  {"STREAM_TEST_CONFIG", extra}};
    SettingsFixture f;
    const Invocation invocation = f.apply({});
    CHECK(f.segment.seconds() == 5);
    CHECK(f.rungs == std::vector<std::string>{"x", "y z"});
    CHECK(!f.copy);
    CHECK(f.verbose == 1);
    for (const Setting& setting : invocation.settings)
      if (setting.option->name == "segment") CHECK(setting.origin == "STREAM_TEST_SEGMENT");
  }
  SUBCASE("the command line above all") {
    const Environment environment{{"STREAM_TEST_SEGMENT", "5s"}};
    SettingsFixture f;
    f.apply({"--segment", "6s", "--rung", "z", "--copy"});
    CHECK(f.segment.seconds() == 6);
    CHECK(f.rungs == std::vector<std::string>{"z"});
    CHECK(f.copy);
  }
}

TEST_CASE("settings: a wrong value is blamed on the place it came from") {
  Dir dir;
  SettingsFixture f;
  CHECK(std::string(f.error({"--segment", "5"}).what()) == "--segment: '5' is not a duration");
  CHECK(f.error({"--mode", "fats"}).hint() == "did you mean fast?");
  CHECK(f.error({"--mode", "fats"}).code() == Exit::kUsage);
  CHECK(f.error({"--config", dir.path + "/none"}).id() == "os");
  {
    const Environment environment{{"STREAM_TEST_COUNT", "many"}};
    CHECK(std::string(f.error({}).what()).find("STREAM_TEST_COUNT: 'many'") == 0);
    CHECK(f.error({}).code() == Exit::kUsage);
  }
  const std::string file = dir.write("test.yaml", "segment: 5\n");
  CHECK(std::string(f.error({}).what()) == file + ":1:10 (segment): '5' is not a duration");
  CHECK(f.error({}).code() == Exit::kConfig);
  dir.write("test.yaml", "segmnet: 5s\n");
  CHECK(f.error({}).hint() == "did you mean segment?");
  CHECK(f.error({}).code() == Exit::kConfig);
  dir.write("test.yaml", "segment: [5s, 6s]\n");
  CHECK(f.error({}).id() == "config.invalid");
}

TEST_CASE("settings: secrets come from sources only") {
  Dir dir;
  SettingsFixture f;
  const Error bare = f.error({"--key", "hunter2"});
  CHECK(bare.id() == "secret.source");
  CHECK(std::string(bare.what()).find("hunter2") == std::string::npos);
  const std::string file = dir.write("key", "s3cret\n");
  f.apply({"--key", "@file:" + file});
  CHECK(f.key->reveal() == "s3cret");
  dir.write("open", "s3cret", 0644);
  CHECK(f.error({"--key", "@file:" + dir.path + "/open"}).id() == "secret.permissions");
  CHECK(f.error({"--key", "@file:" + dir.path + "/open"}).code() == Exit::kNotAllowed);
  CHECK(f.error({"--key", "@cred:none"}).id() == "secret.source");
  const Environment environment{{"CREDENTIALS_DIRECTORY", dir.path}};
  f.apply({"--key", "@cred:key"});
  CHECK(f.key->reveal() == "s3cret");
  CHECK(f.error({"--key", "@cred:../key"}).id() == "secret.source");
}

TEST_CASE("settings: a URL with a key in it is refused on the command line only") {
  Dir dir;
  SettingsFixture f;
  const std::string url = "rtmp://a.example/app/live_1234_abcdefgh";
  const Error error = f.error({"--url", url});
  CHECK(error.id() == "secret.argv");
  CHECK(std::string(error.what()).find("live_1234") == std::string::npos);
  CHECK(error.hint().find("@file:") != std::string::npos);
  f.apply({"--url", url}, true);
  CHECK(f.url == url);
  const std::string file = dir.write("url", url + "\n");
  f.apply({"--url", "@file:" + file});
  CHECK(f.url == url);
  dir.write("test.yaml", "url: " + url + "\n");
  f.url.clear();
  f.apply({});
  CHECK(f.url == url);
}

TEST_CASE("settings: what a key in a URL looks like") {
  const auto secret = [](const char* text) { return carries_secret(*parse_url(text)); };
  CHECK(secret("rtmp://u:p@h/app"));
  CHECK(secret("srt://h:9000?passphrase=abcdefghij"));
  CHECK(secret("https://h/x?token=1"));
  CHECK(secret("rtmp://h/live2/abcd-1234-efgh-5678-ijkl"));
  CHECK(!secret("rtmp://127.0.0.1:1935/live"));
  CHECK(!secret("rtmp://127.0.0.1:1935/live/demo"));
  CHECK(!secret("srt://h:9000?mode=caller&latency=200"));
  CHECK(!secret("http://127.0.0.1/hls/master.m3u8"));
  CHECK(!secret("https://cdn.example/2026/recording-0001-of-0200.mp4"));
}

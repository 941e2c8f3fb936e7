#include "cli/help.h"

#include <doctest/doctest.h>

#include <sstream>

#include "cli/command.h"

using namespace stream;
using namespace stream::cli;

namespace {

std::string value;
Duration duration{std::chrono::seconds(2)};

Command make() {
  Command root("stream-test", "test the help");
  root.description("First.\n\nSecond paragraph. With two sentences.");
  root.example("stream-test -i bus:demo", "reads demo");
  root.option("-i,--input", value, "-|FILE", "what to read").required();
  root.section("Shape");
  root.option("--segment", duration, "TIME",
              "length of a segment, in a sentence that is so long that it must be wrapped twice at "
              "the least to stay within the eighty columns that a terminal has");
  root.option("--mode", value, "MODE", "how")
      .choices({"fast", "slow"})
      .completes(Completion::kNone);
  static bool hidden = false;
  root.flag("--secret-switch", hidden, "not shown").hidden();
  root.run([](Context&) { return 0; });
  Command plan("plan", "print the plan");
  plan.inherit();
  plan.run([](Context&) { return 0; });
  root.subcommand(std::move(plan));
  return root;
}

std::string completion(const std::vector<std::string>& words) {
  static const Command root = make(), general("general", "");
  return complete(root, general, words);
}

}  // namespace

TEST_CASE("help: 80 columns, examples before options, options before exit codes") {
  const Command root = make(), general("general", "");
  const std::string help = help_text({&root}, general);
  std::istringstream lines(help);
  for (std::string line; std::getline(lines, line);) {
    CAPTURE(line);
    CHECK(line.size() <= 80);
    CHECK((line.empty() || line.back() != ' '));
  }
  size_t last = 0;
  for (const char* part : {"Usage: stream-test -i -|FILE", "Examples:", "Commands:", "Options:",
                           "Shape:", "[default", "Exit codes:", "Environment:", "Files:"}) {
    CAPTURE(part);
    const size_t at = help.find(part, last);
    CHECK(at != std::string::npos);
    last = at == std::string::npos ? last : at;
  }
  CHECK(help.find("fast, slow") != std::string::npos);
  CHECK(help.find("secret-switch") == std::string::npos);
  CHECK(help_text({&root, root.verbs()[0].get()}, general).find("--segment") != std::string::npos);
}

TEST_CASE("help: wrap") {
  CHECK(wrap("a b c", 0, 3) == "a b\nc");
  CHECK(wrap("one\n\ntwo", 2, 20) == "one\n\n  two");
  CHECK(wrap("abcdefgh", 0, 3) == "abcdefgh");
}

TEST_CASE("man: every option with its variable") {
  const Command root = make(), general("general", "");
  const std::string page = man_page(root, general);
  for (const char* part :
       {".Dt STREAM-TEST 1", "\\-segment", "STREAM_TEST_SEGMENT", "Second paragraph.\nWith two",
        ".Ss plan", ".Dl", "The default is 2s."}) {
    CAPTURE(part);
    CHECK(page.find(part) != std::string::npos);
  }
  CHECK(page.find("secret") == std::string::npos);
}

TEST_CASE("completion") {
  CHECK(completion({""}) == "none\nplan\tprint the plan\n");
  CHECK(completion({"--"}).find("--segment\t") != std::string::npos);
  CHECK(completion({"--"}).find("secret") == std::string::npos);
  CHECK(completion({"--mode", ""}) == "none\nfast\thow\nslow\thow\n");
  CHECK(completion({"--mode="}) == "none\n--mode=fast\thow\n--mode=slow\thow\n");
  CHECK(completion({"--input", ""}) == "file\n");
  CHECK(completion({"plan", "--input", ""}) == "file\n");
  CHECK(completion({}).find("none\n") == 0);
  for (const char* shell : {"bash", "zsh", "fish"})
    CHECK(completion_script(make(), shell).find("__complete") != std::string::npos);
}

#include "cli/parse.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "cli/command.h"

using namespace stream;
using namespace stream::cli;

namespace {

// stream-test -i X [-v] [--rung R]... [FILE...]; verbs "plan" (inherits) and "list NAME".
struct ParseFixture {
  ParseFixture() {
    root.option("-i,--input", input, "FILE", "input");
    root.option("--rung", rungs, "SPEC", "rung");
    root.option("--segment", segment, "TIME", "segment");
    root.flag("-f,--force", force, "force");
    root.run([](Context&) { return 0; });
    Command plan("plan", "plan");
    plan.inherit().option("--deep", deep, "N", "depth");
    Command list("list", "list");
    list.positional("NAME", name, "name").required();
    list.positional("REST", rest, "rest");
    root.subcommand(std::move(plan)).subcommand(std::move(list));
    general.flag("-v,--verbose", verbose, "more");
    general.flag("--json", json, "JSON");
  }
  Invocation operator()(const std::vector<std::string>& args) { return parse(root, general, args); }
  std::vector<std::string> values(const Invocation& invocation, const std::string& name_wanted) {
    for (const Setting& setting : invocation.settings)
      if (setting.option->name == name_wanted) return setting.values;
    return {};
  }
  Error error(const std::vector<std::string>& args) {
    try {
      (*this)(args);
    } catch (const Error& e) {
      CHECK(e.code() == Exit::kUsage);
      return e;
    }
    return Error(Exit::kOk, "none", "none");
  }

  Command root{"stream-test", "test"}, general{"general", ""};
  std::string input, name;
  std::vector<std::string> rungs, rest;
  Duration segment{};
  bool force = false, json = false;
  int verbose = 0, deep = 0;
};

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("parse: the forms of a value") {
  ParseFixture f;
  for (const Words& args :
       {Words{"--input", "a"}, Words{"--input=a"}, Words{"-i", "a"}, Words{"-ia"},
        Words{"-fi", "a"}, Words{"-fia"}, Words{"-vv", "--input=b", "-i", "a"}}) {
    CAPTURE(args);
    CHECK(f.values(f(args), "input") == Words{"a"});
  }
  CHECK(f.values(f({"--input="}), "input") == Words{""});
  CHECK(f.values(f({"--input=a=b"}), "input") == Words{"a=b"});
  CHECK(f.values(f({"-i", "-"}), "input") == Words{"-"});
  CHECK(f.values(f({"-i", "--force"}), "input") == Words{"--force"});
  CHECK(f.values(f({"-i", "list"}), "input") == Words{"list"});
  CHECK(f.values(f({"--rung", "a", "--rung=b", "--rung", "c"}), "rung") == Words{"a", "b", "c"});
  CHECK(f.values(f({"-vfv"}), "verbose").size() == 2);
}

TEST_CASE("parse: verbs and operands") {
  ParseFixture f;
  CHECK(f({"plan"}).words() == "stream-test plan");
  CHECK(f.values(f({"plan", "--input", "a", "--deep", "3"}), "deep") == Words{"3"});
  CHECK(f.values(f({"--input", "a", "plan"}), "input") == Words{"a"});
  CHECK(f.values(f({"--json", "list", "demo"}), "NAME") == Words{"demo"});
  CHECK(f.values(f({"list", "demo", "--json", "x", "y"}), "REST") == Words{"x", "y"});
  SUBCASE("a verb's name is an operand like any other") {
    CHECK(f.values(f({"list", "plan"}), "NAME") == Words{"plan"});
    CHECK(f.values(f({"list", "list", "list"}), "REST") == Words{"list"});
  }
  SUBCASE("after -- everything is an operand") {
    CHECK(f.values(f({"list", "--", "-x"}), "NAME") == Words{"-x"});
    CHECK(f.values(f({"list", "a", "--", "--json", "--"}), "REST") == Words{"--json", "--"});
    CHECK(f.values(f({"list", "-"}), "NAME") == Words{"-"});
  }
}

TEST_CASE("parse: what is wrong is said with the nearest right word") {
  ParseFixture f;
  CHECK(f.error({"--inptu", "a"}).hint() == "did you mean --input?");
  CHECK(f.error({"--verb"}).hint() == "did you mean --verbose?");
  CHECK(f.error({"--inpu=a"}).id() == "usage.flag");
  CHECK(f.error({"plna"}).hint() == "did you mean plan?");
  CHECK(f.error({"pla"}).id() == "usage.command");
  CHECK(f.error({"-x"}).id() == "usage.flag");
  CHECK(f.error({"-fx"}).id() == "usage.flag");
  CHECK(f.error({"--input"}).id() == "usage.value");
  CHECK(f.error({"-i"}).id() == "usage.value");
  CHECK(f.error({"--json=yes"}).id() == "usage.value");
  CHECK(f.error({"plan", "extra"}).id() == "usage.operand");
  CHECK(f.error({"list", "--deep", "3"}).id() == "usage.flag");
  CHECK(f.error({"--rung", "x", "list", "demo"}).id() == "usage.flag");
}

TEST_CASE("parse: what is required and what excludes") {
  ParseFixture f;
  f.root.option("-o,--output", f.name, "DIR", "output").required();
  f.root.flag("--copy", f.json, "copy").excludes("--force");
  const auto id = [&](const Words& args) {
    const Invocation invocation = f(args);
    try {
      check_complete(invocation, options_in_scope(invocation.path, f.general));
    } catch (const Error& e) {
      return e.id();
    }
    return std::string();
  };
  CHECK(id({}) == "usage.missing");
  CHECK(id({"plan"}) == "usage.missing");
  CHECK(id({"list"}) == "usage.missing");
  CHECK(id({"list", "a"}) == "");
  CHECK(id({"-o", "a"}) == "");
  CHECK(id({"-o", "a", "--copy", "-f"}) == "usage.conflict");
}

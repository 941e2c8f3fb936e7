#include "config/node.h"

#include <doctest/doctest.h>

#include <functional>

#include "base/error.h"

using namespace stream;
using config::Node;

namespace {

std::string failure(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& e) {
    CHECK(e.code() == Exit::kConfig);
    CHECK(e.id() == "config.invalid");
    return std::string(e.what()) + (e.hint().empty() ? "" : " / " + e.hint());
  }
  return "none";
}

std::string parse_failure(const std::string& text) {
  return failure([&] { Node::parse(text, "f.yaml"); });
}

}  // namespace

TEST_CASE("yaml: values") {
  const Node root = Node::parse(
      "name: demo\ncount: 3\nratio: 0.5\non: yes\nempty:\nlist: [a, 'b c']\nmap:\n  inner: x\n",
      "f.yaml");
  CHECK(root.at("name").text() == "demo");
  CHECK(root.at("count").integer() == 3);
  CHECK(root.at("ratio").number() == 0.5);
  CHECK(root.at("on").boolean());
  CHECK(root.at("empty").is_null());
  CHECK(root.at("list").items().size() == 2);
  CHECK(root.at("list").items()[1].text() == "b c");
  CHECK(root.at("map").at("inner").position() == "f.yaml:8:10");
  CHECK(root.find("other") == nullptr);
  CHECK(Node::parse("", "f.yaml").is_null());
  CHECK(Node::parse("# only a remark\n", "f.yaml").is_null());
}

TEST_CASE("yaml: what is wrong is said with its place") {
  CHECK(parse_failure("a: 1\nb: 2\na: 3\n") ==
        "f.yaml:3:1: 'a' was given before / it stands at f.yaml:1:4 already");
  CHECK(parse_failure("a: [1, 2\n").find("f.yaml:2:1: ") == 0);
  CHECK(parse_failure("a: &x 1\nb: *x\n").find("f.yaml:2:4: aliases") == 0);
  CHECK(parse_failure("a: !!binary abc\n").find("f.yaml:1:4: tags") == 0);
  CHECK(parse_failure("a: 1\n---\nb: 2\n").find("f.yaml:3:1: a second document") == 0);
  CHECK(parse_failure("? [a]\n: 1\n").find("a key must be a word") != std::string::npos);
  CHECK(parse_failure("a: b: c\n").find("f.yaml:1:") == 0);
  CHECK(parse_failure("\ta: 1\n").find("f.yaml:1:") == 0);

  const Node root = Node::parse("segment: 2s\nrungz: 4\n", "f.yaml");
  CHECK(failure([&] {
          root.only({"segment", "rungs"});
        }) == "f.yaml:2:1: unknown key 'rungz' / did you mean rungs?");
  CHECK(failure([&] { root.at("segment").integer(); }) ==
        "f.yaml:1:10: '2s' is not a whole number");
  CHECK(failure([&] { root.at("rungs"); }) == "f.yaml:1:1: 'rungs' is missing");
  CHECK(failure([&] { root.at("segment").items(); }) == "f.yaml:1:10: expected a list");
}

TEST_CASE("yaml: hostile documents end") {
  CHECK(parse_failure(std::string(5000, '[')) != "none");
  CHECK(parse_failure(std::string(40, '[') + std::string(40, ']')).find("32 levels") !=
        std::string::npos);
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += std::string(static_cast<size_t>(i), ' ') + "a:\n";
  CHECK(parse_failure(deep) != "none");
}

TEST_CASE("yaml: every prefix of a document is a document or an error") {
  const std::string text =
      "name: \"de\\u00e9mo\"\nlist:\n  - {a: 1, b: [x, y]}\n  - |\n    block\n";
  for (size_t n = 0; n <= text.size(); ++n) {
    try {
      Node::parse(text.substr(0, n), "f.yaml");
    } catch (const Error&) {
    }
  }
}

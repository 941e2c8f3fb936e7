#include "observe/graph.h"

#include <doctest/doctest.h>

#include "unit/observe/answers.h"

using namespace stream::observe;

namespace {

std::vector<Answer> whole() {
  return {answer("ingest",
                 {{"state", "running"},
                  {"live", true},
                  {"inputs", nullptr},
                  {"publisher", {{"protocol", "rtmp"}}},
                  {"tracks", {{{"codec", "h264"}, {"bit_rate_bps", 2000}}}},
                  {"readers", {{{"pid", 2}}, {{"pid", 99}}}}},
                 1),
          answer("ladder", {{"state", "running"}, {"rungs", {{{"name", "720p"}}}}}, 2),
          answer("record", nullptr, 3),
          answer("simulcast",
                 {{"state", "running"},
                  {"destinations",
                   {{{"name", "yt"}, {"state", "backoff"}, {"last_error", "no \"x\""}}}}},
                 4),
          answer("serve", {{"state", "running"}}, 5)};
}

}  // namespace

TEST_CASE("the graph of a stream as text") {
  CHECK(graph_text(graph_of("demo", whole())) ==
        "publisher: live, rtmp -->\n"
        "stream-ingest: running, h264, 2 kbit/s\n"
        "+-> bus:demo: 2 readers\n"
        "    +-> process 99\n"
        "    +-> stream-ladder: running\n"
        "    |   +-> 720p\n"
        "    |   +-> stream-serve: running, 0 connections\n"
        "    +-x stream-record: silent\n"
        "    +-x stream-simulcast: running\n"
        "        +-x yt: backoff, no \"x\"\n");
}

TEST_CASE("who reads the rungs stands below them: our programs, others by their names") {
  auto answers = whole();
  answers[1].status["output"] = nullptr;
  answers[1].status["rungs"] = {
      {{"name", "720p"}, {"bus", {{"readers", {{{"pid", 5}}, {{"pid", 3}}}}}}},
      {{"name", "360p"}, {"bus", {{"readers", {{{"pid", 5}}, {{"pid", 5}}, {{"pid", 98}}}}}}},
      {{"name", "180p"}, {"bus", {{"readers", Json::array()}}}}};
  const Graph graph = graph_of("demo", answers, [](pid_t pid) {
    return pid == 98 ? "stream-record of demo-360p" : pid == 99 ? "ffplay" : "";
  });
  CHECK(graph_text(graph) ==
        "publisher: live, rtmp -->\n"
        "stream-ingest: running, h264, 2 kbit/s\n"
        "+-> bus:demo: 2 readers\n"
        "    +-> ffplay, process 99\n"
        "    +-> stream-ladder: running\n"
        "    |   +-> 720p: 2 readers\n"
        "    |   |   +-> stream-serve: running, 0 connections\n"
        "    |   |   +-> stream-record: silent\n"
        "    |   +-> 360p: 3 readers\n"
        "    |   |   +-> stream-serve: running, 0 connections\n"
        "    |   |   +-> stream-record of demo-360p, process 98\n"
        "    |   +-> 180p: 0 readers\n"
        "    +-x stream-simulcast: running\n"
        "        +-x yt: backoff, no \"x\"\n");
  // A ladder that reads its own rung: not drawn for ever.
  answers[1].status["rungs"][0]["bus"]["readers"] = {{{"pid", 2}}, {{"pid", 1}}};
  CHECK(graph_text(graph_of("demo", answers)).find("|   +-> 720p: 2 readers\n") !=
        std::string::npos);
}

TEST_CASE("an archive stands beside what it takes from") {
  auto answers = whole();
  answers.push_back(answer("archive", {{"state", "running"}, {"recordings", nullptr}}, 6));
  CHECK(graph_text(graph_of("demo", answers))
            .find("    |   +-> stream-archive: running, 0 stored\n") != std::string::npos);
}

TEST_CASE("inputs of which one is on air; programs without an ingest") {
  auto answers = whole();
  answers[0].status["inputs"] = {{{"input", "a"}, {"live", true}},
                                 {{"input", "b"}, {"on_air", true}}};
  const std::string text = graph_text(graph_of("demo", answers));
  CHECK(text.starts_with("a: live --x\nb: on air -->\nstream-ingest"));
  answers.erase(answers.begin());
  CHECK(graph_text(graph_of("demo", answers)).starts_with("stream-ladder: running\n+-> 720p\n"));
}

TEST_CASE("for Graphviz and as JSON") {
  const Graph graph = graph_of("demo", whole());
  const std::string dot = graph_dot(graph);
  CHECK(dot.starts_with("digraph \"demo\" {"));
  CHECK(dot.find("\"bus\" -> \"ladder\"\n") != dot.npos);
  CHECK(dot.find("\"bus\" -> \"record\" [style=dashed]\n") != dot.npos);
  CHECK(dot.find("no \\\"x\\\"") != dot.npos);
  const Json json = to_json(graph);
  CHECK(json["nodes"].size() == graph.nodes.size());
  for (const auto& edge : graph.edges) {
    CHECK(dot.find("\"" + edge.from + "\" [label") != dot.npos);
    CHECK(dot.find("\"" + edge.to + "\" [label") != dot.npos);
  }
}

TEST_CASE("what programs say may be anything") {
  for (const Json& odd :
       {Json(nullptr), Json(3), Json{{"rungs", 3}, {"destinations", {1, "x", nullptr}}},
        Json{{"readers", {{{"pid", "x"}}}}, {"inputs", {7}}, {"tracks", {nullptr}}}})
    for (const char* tool : {"ingest", "ladder", "record", "simulcast", "serve", "ctl"}) {
      const Graph graph = graph_of("demo", {answer(tool, odd, 1)});
      graph_text(graph);
      graph_dot(graph);
    }
}

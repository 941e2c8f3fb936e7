#include "observe/metrics.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "unit/observe/answers.h"

using namespace stream::observe;

namespace {

std::string line_of(const std::string& text, const std::string& begin) {
  const size_t at = text.find("\n" + begin);
  if (at == text.npos) return "";
  return text.substr(at + 1, text.find('\n', at + 1) - at - 1);
}

}  // namespace

TEST_CASE("metrics of status documents") {
  SUBCASE("every family has HELP and TYPE, with nothing running too") {
    const std::string text = metrics_text(samples_of({}, "1.2"));
    for (const Family* family : families()) {
      const std::string name(family->name);
      CHECK(text.find("# HELP " + name + " ") != text.npos);
      CHECK(text.find("# TYPE " + name + " " + std::string(to_text(family->type))) != text.npos);
    }
    CHECK(line_of(text, "stream_build_info") == "stream_build_info{version=\"1.2\"} 1");
    CHECK(line_of(text, "stream_metrics_left") == "stream_metrics_left_out_series 0");
  }
  SUBCASE("numbers, words, truths, lists and scales") {
    const auto text = metrics_text(samples_of(
        {answer("ladder",
                {{"state", "running"},
                 {"delay_seconds", 1.5},
                 {"audio", nullptr},
                 {"rungs", {{{"name", "720p"}, {"average_bps", 8000}, {"paused", true}}}}}),
         answer("ingest", {{"state", "stopping"}, {"readers", {1, 2}}, {"live", false}})},
        "1"));
    CHECK(line_of(text, "stream_ladder_delay") ==
          "stream_ladder_delay_seconds{stream=\"demo\"} 1.5");
    CHECK(line_of(text, "stream_rendition_average") ==
          "stream_rendition_average_bytes_per_second{stream=\"demo\",rendition=\"720p\"} 1000");
    CHECK(line_of(text, "stream_rendition_paused").ends_with(" 1"));
    CHECK(line_of(text, "stream_ladder_silence").empty());
    CHECK(line_of(text, "stream_ingest_readers").ends_with(" 2"));
    CHECK(text.find("stream_program_running{stream=\"demo\",program=\"stream-ingest\"} 0\n") !=
          text.npos);
    // The one input of a stream without a choice.
    CHECK(line_of(text, "stream_input_live") ==
          "stream_input_live{stream=\"demo\",input=\"main\"} 0");
  }
  SUBCASE("readers of a rung; viewers by rung, of the stream itself without that label") {
    const Json bus = {{"readers", {1, 2, 3}},
                      {"sent_bytes", 5000},
                      {"dropped_packets", 7},
                      {"queued_seconds", 0.25}};
    const auto text = metrics_text(samples_of(
        {answer("ladder", {{"rungs", {{{"name", "720p"}, {"bus", bus}}, {{"name", "360p"}}}}}),
         answer("serve", {{"viewers", 6},
                          {"watching",
                           {{{"channel", "a"}, {"rung", "720p"}, {"viewers", 4}},
                            {{"channel", "a"}, {"rung", "360p"}, {"viewers", 1}},
                            {{"channel", "b"}, {"rung", nullptr}, {"viewers", 1}}}}})},
        "1"));
    const std::string rung = "{stream=\"demo\",rendition=\"720p\"} ";
    for (const char* line : {"readers", "sent_bytes_total", "dropped_packets_total"})
      CHECK(text.find("\nstream_rendition_bus_" + std::string(line) + rung) != text.npos);
    CHECK(line_of(text, "stream_rendition_bus_readers").ends_with(" 3"));
    CHECK(line_of(text, "stream_rendition_bus_queued_seconds").ends_with(" 0.25"));
    CHECK(text.find("bus_readers{stream=\"demo\",rendition=\"360p\"}") == text.npos);
    CHECK(line_of(text, "stream_serve_viewers").ends_with(" 6"));
    for (const char* line :
         {"channel=\"a\",rendition=\"720p\"} 4", "rendition=\"360p\"} 1", "channel=\"b\"} 1"})
      CHECK(text.find(line) != text.npos);
  }
  SUBCASE("a program that does not answer is down and nothing else") {
    const Samples samples = samples_of({answer("record", nullptr)}, "1");
    REQUIRE(samples.all().size() == 2);
    CHECK(samples.all()[1].family->name == "stream_program_up");
    CHECK(samples.all()[1].value == 0);
  }
  SUBCASE("what is not as expected is left alone") {
    for (const Json& odd :
         {Json(nullptr), Json(7), Json("x"), Json::array(), Json{{"destinations", 5}},
          Json{{"destinations", {1, nullptr, "x", {{"name", 7}}}}},
          Json{{"state", 9}, {"destinations", {{{"name", "a"}, {"sent_bytes", "many"}}}}}})
      CHECK(samples_of("demo", "simulcast", odd).all().empty());
  }
  SUBCASE("a name can't end its line") {
    const auto samples =
        samples_of("demo", "simulcast",
                   {{"destinations", {{{"name", "a\"} 1\nevil \\"}, {"sent_bytes", 1}}}}});
    const std::string text = metrics_text(samples);
    CHECK(text.find("\nevil") == text.npos);
    CHECK(line_of(text, "stream_destination_sent_bytes_total").ends_with("\"} 1"));
  }
}

TEST_CASE("the number of series is bounded") {
  Json status = {{"destinations", Json::array()}};
  for (int i = 0; i < 1000; ++i)
    status["destinations"].push_back({{"name", "d" + std::to_string(i)}, {"sent_bytes", i}});
  const Samples samples = samples_of("demo", "simulcast", status);
  CHECK(samples.all().size() == kMaxEntries);
  CHECK(samples.left_out() > 0);

  std::vector<Answer> answers;
  for (int i = 0; i < 200; ++i) {
    answers.push_back(answer("simulcast", status));
    answers.back().stream = "s" + std::to_string(i);
  }
  CHECK(samples_of(answers, "1").all().size() == kMaxSamples);
}

TEST_CASE("a series is never there twice") {
  const Samples samples = samples_of(
      "demo", "simulcast",
      {{"destinations", {{{"name", "a"}, {"sent_bytes", 1}}, {{"name", "a"}, {"sent_bytes", 2}}}}});
  CHECK(samples.all().size() == 1);
  CHECK(samples.left_out() == 1);
}

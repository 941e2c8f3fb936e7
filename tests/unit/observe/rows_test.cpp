#include "observe/rows.h"

#include <doctest/doctest.h>

#include "unit/observe/answers.h"

using namespace stream::observe;
using namespace std::chrono_literals;

namespace {

const Row* find(const std::vector<Row>& rows, const std::string& program, const std::string& name) {
  for (const Row& row : rows)
    if (row.program == program && row.name == name) return &row;
  return nullptr;
}

}  // namespace

TEST_CASE("rows: an archive says what waits") {
  Sampler sampler;
  const auto rows = sampler.rows(
      {answer("archive",
              {{"state", "running"}, {"recordings", {{"stored", 3}, {"due", 2}, {"failing", 1}}}},
              7)},
      0ns);
  CHECK(find(rows, "stream-archive", "")->detail == "3 stored, 2 due, 1 failing");
}

TEST_CASE("rows of a stream") {
  std::vector<Answer> answers{
      answer("ctl",
             {{"lifecycle", "live"},
              {"programs",
               {{{"program", "stream-record"}, {"state", "running"}},
                {{"program", "stream-serve"}, {"state", "gave_up"}, {"reason", "no port"}}}}}),
      answer("ingest", {{"state", "running"},
                        {"live", true},
                        {"tracks", {{{"bit_rate_bps", 1000}}, {{"bit_rate_bps", 500}}}},
                        {"readers", {{{"queued_seconds", 0.5}}, {{"queued_seconds", 2.0}}}},
                        {"inputs", {{{"input", "cam1"}, {"on_air", true}}, {{"input", "cam2"}}}}}),
      answer(
          "ladder",
          {{"state", "running"},
           {"speed", 1.0},
           {"rungs",
            {{{"name", "720p"},
              {"average_bps", 9.0},
              {"paused", true},
              {"bus", {{"readers", {1, 2}}, {"queued_seconds", 0.5}, {"dropped_packets", 3}}}}}}}),
      answer("record", {{"state", "running"}, {"recording", true}, {"size_bytes", 1000}}),
      answer("simulcast",
             {{"state", "running"},
              {"destinations", {{{"name", "yt"}, {"state", "live"}, {"out_bps", 5}}}}})};
  answers[3].process = ProcessFigures{1.0, 4096, 9, 1};
  Sampler sampler;
  auto rows = sampler.rows(answers, 1s);

  CHECK(rows[0].state == "live");
  CHECK(find(rows, "stream-serve", "")->state == "gave_up");
  CHECK(find(rows, "stream-serve", "")->detail == "no port");
  CHECK(find(rows, "stream-ingest", "")->rate_bps == 1500);
  CHECK(find(rows, "stream-ingest", "")->queue_seconds == 2.0);
  CHECK(find(rows, "stream-ingest", "cam1")->state == "on air");
  CHECK(find(rows, "stream-ingest", "cam2")->state == "waiting");
  CHECK(find(rows, "stream-ladder", "720p")->state == "paused");
  CHECK(find(rows, "stream-ladder", "720p")->queue_seconds == 0.5);
  CHECK(find(rows, "stream-ladder", "720p")->dropped == 3);
  CHECK(find(rows, "stream-ladder", "720p")->detail.ends_with(", 2 readers"));
  CHECK(find(rows, "stream-simulcast", "yt")->rate_bps == 5);
  CHECK_FALSE(find(rows, "stream-record", "")->rate_bps);
  CHECK_FALSE(find(rows, "stream-record", "")->cpu_ratio);

  SUBCASE("rates come from the difference") {
    answers[3].status["size_bytes"] = 2000;
    answers[3].process->cpu_seconds = 1.5;
    rows = sampler.rows(answers, 3s);
    CHECK(find(rows, "stream-record", "")->rate_bps == 4000);
    CHECK(*find(rows, "stream-record", "")->cpu_ratio == doctest::Approx(0.25));
    SUBCASE("a count that begins anew has none") {
      answers[3].status["size_bytes"] = 10;
      rows = sampler.rows(answers, 4s);
      CHECK_FALSE(find(rows, "stream-record", "")->rate_bps);
    }
  }
  SUBCASE("who does not answer is silent, what is odd is left out") {
    answers[2].status = nullptr;
    answers[2].error = "no answer in time";
    answers[4].status = {{"state", 7}, {"destinations", "x"}};
    rows = sampler.rows(answers, 3s);
    CHECK(find(rows, "stream-ladder", "")->state == "silent");
    CHECK_FALSE(find(rows, "stream-ladder", "720p"));
    CHECK(find(rows, "stream-simulcast", "")->state.empty());
  }
  for (const Row& row : rows) CHECK(to_json(row).size() == 12);
}

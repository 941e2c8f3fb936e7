#include "observe/top_view.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace stream::observe;

namespace {

std::vector<Row> example(size_t streams) {
  std::vector<Row> rows;
  for (size_t s = 0; s < streams; ++s) {
    const std::string stream = "stream" + std::to_string(s);
    for (const char* program : {"stream-ingest", "stream-simulcast"}) {
      Row row;
      row.stream = stream;
      row.program = program;
      row.kind = "program";
      row.state = "running";
      row.detail = "\x1b[31mred\n" + std::string(300, 'x');
      row.cpu_ratio = program[7] == 's' ? 0.5 + static_cast<double>(s) : 0.1;
      row.rate_bps = 2.5e6;
      rows.push_back(row);
    }
    Row row = rows.back();
    row.kind = "destination";
    row.name = "a name that is longer than its column";
    rows.push_back(row);
  }
  return rows;
}

}  // namespace

TEST_CASE("the table fits its terminal, whatever the size") {
  TopView view;
  for (const size_t streams : {0u, 1u, 9u})
    for (size_t width = 1; width < 130; width += 7)
      for (size_t height = 1; height < 50; height += 3)
        for (const size_t selected : {0u, 5u, 100u}) {
          view.selected = selected;
          const auto rows = sorted(example(streams), view);
          const auto lines = top_lines(rows, view, width, height);
          REQUIRE(lines.size() == height);
          size_t highlighted = 0;
          for (const TopLine& line : lines) {
            CHECK(line.text.size() <= width);
            CHECK(std::all_of(line.text.begin(), line.text.end(),
                              [](char c) { return c >= ' ' && c < 0x7f; }));
            highlighted += line.highlighted;
          }
          // The selected program is always in sight.
          if (streams > 0 && height >= 4) CHECK(highlighted == 1);
        }
}

TEST_CASE("80 columns hold all figures, 120 what is said beside") {
  TopView view;
  const auto rows = sorted(example(1), view);
  const auto narrow = top_lines(rows, view, 80, 24);
  CHECK(narrow[0].text.starts_with("STREAM                     STATE"));
  CHECK(narrow[0].text.find("DROPS") != std::string::npos);
  CHECK(narrow[1].text == "stream0");
  CHECK(narrow[2].text.starts_with("  stream-ingest            running      10.0"));
  CHECK(narrow[2].highlighted);
  CHECK(narrow[4].text.starts_with("    a name that is longer"));
  CHECK(narrow[23].text.starts_with("s sort"));
  CHECK(top_lines(rows, view, 120, 40)[2].text.find("red") != std::string::npos);
}

TEST_CASE("sorting keeps parts with their program and streams together") {
  TopView view;
  view.sort = TopSort::kCpu;
  const auto rows = sorted(example(3), view);
  REQUIRE(rows.size() == 9);
  CHECK(rows[0].stream == "stream2");
  CHECK(rows[0].program == "stream-simulcast");
  CHECK(rows[1].kind == "destination");
  CHECK(rows[2].program == "stream-ingest");
  CHECK(rows[8].stream == "stream0");
  view.selected = 3;
  CHECK(selected_program(rows, view)->program == "stream-ingest");
  TopSort sort = TopSort::kName;
  for (int i = 0; i < 5; ++i) sort = next(sort);
  CHECK(sort == TopSort::kName);
}

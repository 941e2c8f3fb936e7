// The table of `stream-ctl top` as lines of text for a terminal of a given size. Pure.
#pragma once
#include <string>
#include <vector>

#include "observe/rows.h"

namespace stream::observe {

enum class TopSort { kName, kCpu, kMemory, kRate, kDropped };
std::string_view to_text(TopSort sort);
TopSort next(TopSort sort);

struct TopView {
  TopSort sort = TopSort::kName;
  size_t selected = 0;  // of the programs, as they are sorted
  bool paused = false;
  std::string message;  // in the last line instead of the keys
};

// The rows as they are shown: those with a greater key first, parts behind their program, streams
// together. `selected` is made one of the programs.
std::vector<Row> sorted(const std::vector<Row>& rows, TopView& view);
// The program that is selected; nullptr: there is none.
const Row* selected_program(const std::vector<Row>& sorted_rows, const TopView& view);

struct TopLine {
  std::string text;  // at most as wide as the terminal, without control characters
  bool highlighted = false;
};
// Exactly `height` lines (a head, rows around the selected one, keys), one at the least.
std::vector<TopLine> top_lines(const std::vector<Row>& sorted_rows, const TopView& view,
                               size_t width, size_t height);

}  // namespace stream::observe

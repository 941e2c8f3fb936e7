#include "observe/top_view.h"

#include <algorithm>
#include <cstdio>

#include "base/text.h"

namespace stream::observe {
namespace {

constexpr char kKeys[] = "s sort  p pause  up/down select  r restart  q quit";
constexpr char kHead[] = "%-26s %-10s %6s %8s %10s %7s %7s";

double key_of(const Row& row, TopSort sort) {
  switch (sort) {
    case TopSort::kCpu:
      return row.cpu_ratio.value_or(0);
    case TopSort::kMemory:
      return static_cast<double>(row.memory_bytes.value_or(0));
    case TopSort::kRate:
      return row.rate_bps.value_or(0);
    case TopSort::kDropped:
      return row.dropped.value_or(0);
    case TopSort::kName:
      break;
  }
  return 0;
}

// A program with its parts.
struct Group {
  double key;
  std::vector<Row> rows;
};

std::string shown(std::optional<double> value, const char* format, double scale = 1) {
  char text[32] = "-";
  if (value) std::snprintf(text, sizeof text, format, *value * scale);
  return text;
}

std::string rate_cell(std::optional<double> bps) {
  if (bps && *bps >= 1e6) return shown(bps, "%.2fM", 1e-6);
  return shown(bps, "%.0fk", 1e-3);
}

std::string memory_text(std::optional<uint64_t> bytes) {
  if (!bytes) return "-";
  return shown(static_cast<double>(*bytes), "%.1fM", 1.0 / (1 << 20));
}

// Bytes beyond ASCII are escaped, so that a byte is a column.
std::string plain(const std::string& text, size_t max) {
  std::string out;
  for (const char c : escaped(text, 500)) out += c >= ' ' && c < 0x7f ? c : '?';
  if (out.size() > max) out = out.substr(0, max > 1 ? max - 1 : 0) + "~";
  return out;
}

std::string line_of(const Row& row) {
  const std::string name = row.kind == "program" ? "  " + row.program : "    " + row.name;
  char text[160];
  std::snprintf(text, sizeof text, kHead, plain(name, 26).c_str(), plain(row.state, 10).c_str(),
                shown(row.cpu_ratio, "%.1f", 100).c_str(), memory_text(row.memory_bytes).c_str(),
                rate_cell(row.rate_bps).c_str(), shown(row.queue_seconds, "%.1fs").c_str(),
                shown(row.dropped, "%.0f").c_str());
  return std::string(text) + (row.detail.empty() ? "" : "  " + plain(row.detail, 200));
}

std::string cut(std::string text, size_t width) {
  if (text.size() > width) text.resize(width);
  return text;
}

// The rows with a line before each stream; where the selected program is.
std::vector<TopLine> body(const std::vector<Row>& rows, const TopView& view, size_t width,
                          size_t& selected) {
  std::vector<TopLine> lines;
  size_t programs = 0;
  std::string stream;
  for (const Row& row : rows) {
    if (lines.empty() || row.stream != stream) lines.push_back({cut(row.stream, width)});
    stream = row.stream;
    const bool here = row.kind == "program" && programs++ == view.selected;
    if (here) selected = lines.size();
    lines.push_back({cut(line_of(row), width), here});
  }
  return lines;
}

}  // namespace

std::string_view to_text(TopSort sort) {
  switch (sort) {
    case TopSort::kName:
      return "name";
    case TopSort::kCpu:
      return "cpu";
    case TopSort::kMemory:
      return "memory";
    case TopSort::kRate:
      return "rate";
    case TopSort::kDropped:
      return "drops";
  }
  return "";
}

TopSort next(TopSort sort) {
  return sort == TopSort::kDropped ? TopSort::kName
                                   : static_cast<TopSort>(static_cast<int>(sort) + 1);
}

std::vector<Row> sorted(const std::vector<Row>& rows, TopView& view) {
  std::vector<std::vector<Group>> streams;
  for (const Row& row : rows) {
    if (streams.empty() || streams.back().back().rows.back().stream != row.stream)
      streams.emplace_back();
    if (streams.back().empty() || row.kind == "program")
      streams.back().push_back({key_of(row, view.sort), {}});
    streams.back().back().rows.push_back(row);
  }
  const auto greatest = [](const std::vector<Group>& groups) {
    return std::max_element(groups.begin(), groups.end(),
                            [](const Group& a, const Group& b) { return a.key < b.key; })
        ->key;
  };
  std::stable_sort(streams.begin(), streams.end(),
                   [&](const auto& a, const auto& b) { return greatest(a) > greatest(b); });
  std::vector<Row> out;
  size_t programs = 0;
  for (auto& groups : streams) {
    std::stable_sort(groups.begin(), groups.end(),
                     [](const Group& a, const Group& b) { return a.key > b.key; });
    programs += groups.size();
    for (Group& group : groups) out.insert(out.end(), group.rows.begin(), group.rows.end());
  }
  view.selected = std::min(view.selected, programs > 0 ? programs - 1 : 0);
  return out;
}

const Row* selected_program(const std::vector<Row>& rows, const TopView& view) {
  size_t programs = 0;
  for (const Row& row : rows)
    if (row.kind == "program" && programs++ == view.selected) return &row;
  return nullptr;
}

std::vector<TopLine> top_lines(const std::vector<Row>& rows, const TopView& view, size_t width,
                               size_t height) {
  char head[160];
  std::snprintf(head, sizeof head, kHead, "STREAM", "STATE", "CPU%", "MEMORY", "RATE", "QUEUE",
                "DROPS");
  std::vector<TopLine> out{{cut(std::string(head) + "  DETAIL", width)}};
  size_t selected = 0;
  const std::vector<TopLine> lines = body(rows, view, width, selected);
  const size_t room = height > 2 ? height - 2 : 0;
  const size_t first = selected < room ? 0 : std::min(selected - room / 2, lines.size() - room);
  for (size_t i = first; i < lines.size() && i < first + room; ++i) out.push_back(lines[i]);
  if (lines.empty() && room > 0) out.push_back({cut("nothing runs", width)});
  while (out.size() < height - std::min<size_t>(height, 1)) out.push_back({});
  std::string last = view.message;
  if (last.empty())
    last = std::string(kKeys) + "  by " + std::string(to_text(view.sort)) +
           (view.paused ? "  PAUSED" : "");
  if (height > 1) out.push_back({cut(plain(last, width), width), view.paused});
  out.resize(std::max<size_t>(height, 1));
  return out;
}

}  // namespace stream::observe

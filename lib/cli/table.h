// Results as plain text: one record per line, columns as wide as their content, never as the
// terminal. Empty cells are "-". The options that go with it: --no-header and --fields.
#pragma once
#include <string>
#include <vector>

#include "cli/command.h"

namespace stream::cli {

struct TableBundle {
  bool no_header = false;
  std::string fields;  // "name,state"; empty: all
  void declare(Command& command, const std::vector<std::string>& columns);
};

class Table {
 public:
  explicit Table(std::vector<std::string> columns)
      : columns_(std::move(columns)), widths_(columns_.size(), 1) {}
  void add(std::vector<std::string> row);
  // Throws Error kUsage for a field that is no column.
  std::string text(const TableBundle& options) const;

 private:
  std::vector<std::string> columns_;            // lower case; shown in upper case
  std::vector<std::vector<std::string>> rows_;  // as they are shown
  std::vector<size_t> widths_;                  // of their cells
};

}  // namespace stream::cli

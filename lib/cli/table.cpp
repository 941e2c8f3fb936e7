#include "cli/table.h"

#include <algorithm>
#include <cassert>

#include "base/error.h"
#include "base/text.h"

namespace stream::cli {
namespace {

constexpr size_t kMaxCell = 300;

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

std::vector<size_t> chosen(const std::vector<std::string>& columns, const std::string& fields) {
  std::vector<size_t> indexes;
  for (size_t start = 0; start < fields.size();) {
    const size_t end = std::min(fields.find(',', start), fields.size());
    const std::string field = fields.substr(start, end - start);
    const auto it = std::find(columns.begin(), columns.end(), field);
    if (it == columns.end())
      throw Error(Exit::kUsage, "usage.value",
                  "--fields: '" + escaped(field, 60) + "' is not one of " + joined(columns));
    indexes.push_back(static_cast<size_t>(it - columns.begin()));
    start = end + 1;
  }
  for (size_t i = 0; fields.empty() && i < columns.size(); ++i) indexes.push_back(i);
  return indexes;
}

}  // namespace

void TableBundle::declare(Command& command, const std::vector<std::string>& columns) {
  command.flag("--no-header", no_header, "leave the first line out");
  command.option("--fields", fields, "LIST", "columns to show, separated by commas")
      .shows_default(joined(columns));
}

void Table::add(std::vector<std::string> row) {
  assert(row.size() == columns_.size());
  for (size_t i = 0; i < row.size(); ++i) {
    row[i] = row[i].empty() ? "-" : escaped(row[i], kMaxCell);
    widths_[i] = std::max(widths_[i], row[i].size());
  }
  rows_.push_back(std::move(row));
}

std::string Table::text(const TableBundle& options) const {
  const auto indexes = chosen(columns_, options.fields);
  std::vector<size_t> widths = widths_;
  std::string out;
  const auto write = [&](const std::vector<std::string>& line) {
    for (const size_t i : indexes) {
      if (i != indexes.front()) out += "  ";
      out += line[i];
      if (i != indexes.back()) out.append(widths[i] - line[i].size(), ' ');
    }
    out += "\n";
  };
  size_t line = 1;
  for (const size_t i : indexes) line += widths_[i] + 2;
  out.reserve((rows_.size() + 1) * line);
  if (!options.no_header) {
    std::vector<std::string> header = columns_;
    for (size_t i = 0; i < header.size(); ++i) {
      widths[i] = std::max(widths[i], header[i].size());
      for (char& c : header[i]) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    }
    write(header);
  }
  for (const auto& row : rows_) write(row);
  return out;
}

}  // namespace stream::cli

#include "cli/table.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"

namespace stream::cli {
namespace {

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

std::string Table::text(const TableBundle& options) const {
  const auto indexes = chosen(columns_, options.fields);
  std::vector<std::vector<std::string>> lines;
  if (!options.no_header) {
    lines.push_back(columns_);
    for (std::string& name : lines[0])
      for (char& c : name) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  }
  for (const auto& row : rows_) {
    lines.push_back(row);
    for (std::string& cell : lines.back()) cell = cell.empty() ? "-" : escaped(cell, 300);
  }
  std::vector<size_t> widths(columns_.size(), 0);
  for (const auto& line : lines)
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  std::string out;
  for (const auto& line : lines) {
    std::string text;
    for (const size_t i : indexes) {
      if (!text.empty()) text += "  ";
      text += line[i];
      if (i != indexes.back()) text.append(widths[i] - line[i].size(), ' ');
    }
    out += text + "\n";
  }
  return out;
}

}  // namespace stream::cli

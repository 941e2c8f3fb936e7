#include "live_table.h"

#include <sys/ioctl.h>

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "cli/terminal.h"
#include "report.h"

namespace stream::simulcast {

std::string fitted(const std::string& lines, size_t columns, size_t rows) {
  const size_t count = static_cast<size_t>(std::count(lines.begin(), lines.end(), '\n'));
  const size_t shown = count < rows ? count : rows - 2;
  std::string out;
  size_t begin = 0;
  for (size_t i = 0; i < shown; ++i) {
    const size_t end = lines.find('\n', begin);
    out += escaped(lines.substr(begin, end - begin), columns - 4) + "\n";
    begin = end + 1;
  }
  if (shown < count) out += "and " + std::to_string(count - shown) + " more\n";
  return out;
}

void LiveTable::show(const nlohmann::json& destinations) {
  winsize size{};
  const bool known = ::ioctl(2, TIOCGWINSZ, &size) == 0 && size.ws_col > 10 && size.ws_row > 3;
  last_ = fitted(table(destinations), known ? size.ws_col : 80, known ? size.ws_row : 24);
  const auto lines = std::count(last_.begin(), last_.end(), '\n');
  log::set_line_below(true);
  cli::write_stderr("\r\x1b[J" + last_ + "\x1b[" + std::to_string(lines) + "F");
}

LiveTable::~LiveTable() {
  if (last_.empty()) return;
  log::set_line_below(false);
  cli::write_stderr("\r\x1b[J" + last_);
}

}  // namespace stream::simulcast

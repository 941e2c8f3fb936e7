// The destinations as a table on a terminal, drawn anew in place. It stands below the cursor, so
// that log lines push it down.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

namespace stream::simulcast {

// Lines that fit: cut to the columns; what does not fit in rows - 1 is counted in the last one.
std::string fitted(const std::string& lines, size_t columns, size_t rows);

class LiveTable {
 public:
  ~LiveTable();  // the last table stays
  // The list that status answers.
  void show(const nlohmann::json& destinations);

 private:
  std::string last_;
};

}  // namespace stream::simulcast

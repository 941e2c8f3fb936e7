// What `stream-ctl top` shows: a row for each program and for each of its inputs, rungs and
// destinations. Rates come from the difference to the sample before. Not thread-safe.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "observe/gather.h"

namespace stream::observe {

struct Row {
  std::string stream, program;  // "stream-ladder"
  std::string kind;             // "program", "input", "rung", "destination"
  std::string name;             // of a part; empty for a program
  std::string state, detail;
  pid_t pid = 0;
  std::optional<double> cpu_ratio;  // 1: one core fully used
  std::optional<uint64_t> memory_bytes;
  std::optional<double> rate_bps, queue_seconds, dropped;
};

class Sampler {
 public:
  // A program's row stands before those of its parts; streams and programs in the order of
  // `answers`.
  std::vector<Row> rows(const std::vector<Answer>& answers, Nanoseconds now);

 private:
  struct Count {
    double value;
    Nanoseconds at;
  };
  std::optional<double> per_second(const std::string& what, std::optional<double> value);
  Row program_row(const Answer& answer);
  void add_parts(const Answer& answer, std::vector<Row>& rows);
  void add_inputs(const Answer& answer, std::vector<Row>& rows);

  Nanoseconds now_{};
  std::map<std::string, Count> before_, counts_;
};

Json to_json(const Row& row);

}  // namespace stream::observe

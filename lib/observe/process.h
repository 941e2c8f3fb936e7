// What the kernel says of a process: proc(5). A process that is gone, or another user's, has none.
#pragma once
#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

namespace stream::observe {

struct ProcessFigures {
  double cpu_seconds = 0;  // user and system, of all its threads
  uint64_t resident_bytes = 0;
  uint64_t open_descriptors = 0;
  unsigned threads = 0;
};

std::optional<ProcessFigures> process_figures(pid_t pid);
// The file name of its program, "ffplay"; empty: it can't be told.
std::string process_name(pid_t pid);

// The same from the text of /proc/PID/stat; descriptors stay 0. nullopt: it is no such text.
std::optional<ProcessFigures> parse_stat(std::string_view text, long ticks_per_second,
                                         long page_size);

}  // namespace stream::observe

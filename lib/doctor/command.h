// Runs another program to its end and keeps what it printed. Blocking.
#pragma once
#include <chrono>
#include <string>
#include <vector>

namespace stream::doctor {

struct Ran {
  int code = 127;      // 127: it could not be run; 124: it took too long and was killed
  std::string output;  // of stdout, at most 64 KiB
  double cpu_seconds = 0;
};

// `argv[0]` is found by PATH. stdin and stderr are /dev/null.
Ran run_command(const std::vector<std::string>& argv, std::chrono::milliseconds timeout);

}  // namespace stream::doctor

// Asks running programs for their status, all at once: one that does not answer in time is told as
// such and holds nobody up. Blocking, on the caller's thread, for `timeout` at the most.
#pragma once
#include <sys/types.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "observe/process.h"

namespace stream::observe {

using Json = nlohmann::json;

struct Answer {
  std::string stream, tool;  // "ladder"
  Json status;               // null: it did not answer, `error` says why
  std::string error;
  pid_t pid = 0;  // who listens on its socket; 0: not known
  std::optional<ProcessFigures> process;

  bool up() const { return status.is_object(); }
};

inline constexpr std::chrono::milliseconds kPatience{1000};

// Of all streams that run here, or of one; in the order of their names.
std::vector<Answer> gather(const std::optional<std::string>& stream = {},
                           std::chrono::milliseconds timeout = kPatience);

}  // namespace stream::observe

// What may go and what stays: pure decisions, no clock, no store. Age counts only while the clock
// is proven; what is open, held or not archived never goes.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "archive/store.h"
#include "base/time.h"

namespace stream::archive {

struct Policy {
  Nanoseconds recordings = std::chrono::hours(90 * 24), live = std::chrono::hours(24);
  uint64_t max_bytes = 0, min_free = 0;  // 0: no matter
  uint64_t keep_last = 0;                // of each stream, whatever else holds
  std::vector<std::string> holds;        // STREAM or STREAM/RECORDING
};

struct Candidate {
  std::string id, stream;
  uint64_t sequence = 0, bytes = 0;
  WallTime archived{};
  bool held = false;
};

struct Verdict {
  size_t candidate = 0;
  std::string reason;  // "age", "size", "free space"
};

// The oldest by sequence first. `free`: bytes free in the store, where that is known.
std::vector<Verdict> choose_expired(const std::vector<Candidate>& candidates, const Policy& policy,
                                    WallTime now, std::optional<uint64_t> free);

// What proves the time. A boot's time runs on while the wall clock is set.
struct ClockMark {
  WallTime wall{};
  Nanoseconds boot{};
  std::string boot_id;
};
struct ClockEvidence {
  ClockMark now;
  std::optional<ClockMark> mark;   // of an earlier run that trusted its clock
  std::optional<WallTime> store;   // what the store says
  std::optional<WallTime> newest;  // the newest thing in the store
  bool synchronised = false;       // the kernel says so
};
// Why this clock is not to be trusted; nullopt: it is.
std::optional<std::string> distrust(const ClockEvidence& evidence);

}  // namespace stream::archive

// What a fault relay does to traffic and when: a seeded plan of steps, each with the faults in
// force from then on. Pure.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fault {

using Time = std::chrono::microseconds;

struct Faults {
  Time delay{0}, jitter{0};                     // jitter: up to so much more, evenly
  double loss = 0, duplicate = 0, reorder = 0;  // shares of 1; of datagrams
  Time reorder_by{20'000};                      // how late a reordered datagram comes
  uint64_t rate = 0;                            // bytes per second of a connection; 0: no bound
  uint64_t total = 0;                           // of all together, to the target; 0: no bound
  bool stall = false;                           // nothing passes, connections stay
  bool cut = false;                             // connections are reset, new ones refused
};

struct Step {
  Time at{0};  // since the first bytes came
  Faults faults;
};

// "delay=50ms loss=2% ... ; 5s: stall ; 8s: delay=50ms". Each step replaces the one before it
// whole. What is wrong with it goes to `error`.
std::optional<std::vector<Step>> parse_plan(std::string_view text, std::string& error);

// Small, and the same everywhere for the same seed (PCG32, M. E. O'Neill).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 2 + 1) { next(); }
  uint32_t next();
  double share() { return next() / 4294967296.0; }
  bool happens(double probability) { return probability > 0 && share() < probability; }

 private:
  uint64_t state_;
};

}  // namespace fault

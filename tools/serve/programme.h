// The streams of a group as their manifests tell of them: what they are called and when they come.
#pragma once
#include <string>
#include <vector>

#include "base/time.h"
#include "manifest/rights.h"
#include "manifest/stream.h"

namespace stream::serve {

struct ProgrammeEntry {
  std::string name, title;
  std::string coming;        // its next session for people; empty: none
  manifest::WallTime start;  // of that
  manifest::Rights rights;   // that it will have
};

// One thread. Many viewers look at one reading, a few seconds old at the most.
class Programme {
 public:
  explicit Programme(std::string group) : group_(std::move(group)) {}
  std::vector<ProgrammeEntry> entries() const;

 private:
  std::vector<ProgrammeEntry> read() const;

  const std::string group_;
  mutable Nanoseconds read_{};
  mutable std::vector<ProgrammeEntry> entries_;
};

}  // namespace stream::serve

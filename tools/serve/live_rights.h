// Who may watch a live stream, as its stream file says: the section "visibility" that its manifest
// keeps. One thread.
#pragma once
#include <map>
#include <optional>
#include <string>

#include "base/time.h"
#include "manifest/rights.h"

namespace stream::serve {

class LiveRights {
 public:
  // nullopt: nobody has said anything. What can't be read is for nobody. A second old at the most.
  std::optional<manifest::Rights> of(const std::string& stream);

 private:
  struct Known {
    Nanoseconds at;
    std::optional<manifest::Rights> rights;
  };
  std::map<std::string, Known> known_;
};

}  // namespace stream::serve

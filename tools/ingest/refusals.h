// What operators hear of publishers that are turned away.
#pragma once
#include <map>
#include <string>

#include "base/log.h"
#include "base/time.h"
#include "control/service.h"

namespace stream::ingest {

// A flood of refusals becomes one event a second that counts.
class Refusals {
 public:
  explicit Refusals(control::Service& service) : service_(service) {}
  void tell(const std::string& stream, const std::string& address, const std::string& reason,
            const std::string& id) {
    Count& count = counts_[id];
    const Nanoseconds now = monotonic_now();
    if (now - count.since >= std::chrono::seconds(1)) {
      count.since = now;
      count.told = 0;
    }
    if (++count.told > kPerSecond) {
      ++count.silent;
      return;
    }
    std::string text = reason;
    if (count.silent > 0) text += " (and " + std::to_string(count.silent) + " more)";
    count.silent = 0;
    service_.events().emit("publisher.refused", stream,
                           {{"address", address}, {"reason", text}, {"error", id}});
    log::info("refused " + address + ": " + text);
  }

 private:
  static constexpr int kPerSecond = 5;
  struct Count {
    Nanoseconds since{0};
    int told = 0;
    uint64_t silent = 0;
  };
  control::Service& service_;
  std::map<std::string, Count> counts_;
};

}  // namespace stream::ingest

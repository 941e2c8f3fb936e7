// What stores that are reached by HTTP need of the world, so that tests can bring a clock and a
// server of their own; and what they say when it fails them.
#pragma once
#include <functional>
#include <string>

#include "archive/store.h"
#include "base/time.h"
#include "fetch/transfers.h"

namespace stream::archive {

// What goes wrong and is tried again.
struct Trouble {
  std::string url, reason;
  int tries = 0;
  Nanoseconds wait{};
};

struct World {
  std::function<fetch::Answer(const fetch::Transfer&)> send;
  std::function<WallTime()> wall;
  std::function<Nanoseconds()> monotonic;
  // False when it was interrupted by cancel().
  std::function<bool(Nanoseconds)> wait;
  std::function<double()> random;  // [0, 1)
  std::function<void()> cancel;    // ends transfers and waits, those to come too
};

// Before the next try after `tries`: random, up to a bound that doubles from `first` to `longest`
// seconds.
Nanoseconds backoff(const World& world, int tries, double first, double longest);

// Transfers on `transfers`, which must outlive it.
World real_world(fetch::Transfers& transfers);

}  // namespace stream::archive

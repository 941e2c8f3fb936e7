#include "archive/world.h"

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <random>

namespace stream::archive {

Nanoseconds backoff(const World& world, int tries, double first, double longest) {
  const double most = std::min(longest, first * std::pow(2.0, std::min(tries - 1, 10)));
  return Nanoseconds(static_cast<int64_t>(world.random() * most * 1e9));
}

World real_world(fetch::Transfers& transfers) {
  struct Stop {
    std::mutex mutex;
    std::condition_variable changed;
    bool stopped = false;
  };
  const auto stop = std::make_shared<Stop>();
  World world;
  world.send = [&transfers](const fetch::Transfer& t) { return transfers.perform(t); };
  world.wall = wall_now;
  world.monotonic = monotonic_now;
  world.wait = [stop](Nanoseconds time) {
    std::unique_lock lock(stop->mutex);
    return !stop->changed.wait_for(lock, time, [&] { return stop->stopped; });
  };
  world.random = [] {
    thread_local std::mt19937_64 engine{std::random_device{}()};
    return std::uniform_real_distribution<double>(0, 1)(engine);
  };
  world.cancel = [stop, &transfers] {
    {
      const std::lock_guard lock(stop->mutex);
      stop->stopped = true;
    }
    stop->changed.notify_all();
    transfers.cancel();
  };
  return world;
}

}  // namespace stream::archive

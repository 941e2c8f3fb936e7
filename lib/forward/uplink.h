// Who goes first when all destinations together are more than the way out carries. The least
// important are thinned (keyframes and sound) and then held back, by two rules: by what is planned,
// where the uplink's rate was given, and by what several destinations at once are seen not to get.
// Pure; looked at once a second.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace stream::media {

enum class UplinkShare {
  kFull,
  kThin,  // keyframes and sound: its session goes on
  kHeld,  // nothing
};
std::string_view to_text(UplinkShare share);

class Uplink {
 public:
  static constexpr int kMostPriority = 9, kUsualPriority = 5;

  struct User {
    std::string name;
    int priority = kUsualPriority;  // the higher, the more important
    uint64_t order = 0;             // when it was added: among equals the later goes first
    int64_t full_bps = 0, thin_bps = 0;
    // Media that waits, when it still takes something.
    Nanoseconds behind{0};
  };
  // So far behind, several at once show that what they share is narrow. Who shares it is behind by
  // half of that.
  static constexpr Nanoseconds kLate = std::chrono::seconds(2);

  // What was reduced by observation comes back after so long without several late ones; each time
  // that was wrong, which shows within kTrial, it is twice as long.
  static constexpr Nanoseconds kFirstWait = std::chrono::seconds(60);
  static constexpr Nanoseconds kMostWait = std::chrono::minutes(10);
  static constexpr Nanoseconds kTrial = std::chrono::seconds(60);
  // Between two steps down, so that the first can show.
  static constexpr Nanoseconds kSettle = std::chrono::seconds(8);
  // By plan: so long there has been room, and so much of it.
  static constexpr Nanoseconds kRoomy = std::chrono::seconds(10);
  static constexpr double kRoom = 0.95;

  explicit Uplink(int64_t limit_bps) : limit_bps_(limit_bps) {}  // 0: not known

  // Of those that want to send; what each of them gets from now on.
  std::map<std::string, UplinkShare> judge(std::vector<User> users, Nanoseconds now);

  int64_t limit_bps() const noexcept { return limit_bps_; }
  // Of all in full, as judged last.
  int64_t wanted_bps() const noexcept { return wanted_bps_; }
  // Somebody gets less than all, or the most important one alone is too much.
  bool full() const noexcept { return full_; }

 private:
  size_t steps_for(std::span<const User> users, double limit) const;
  void plan(std::span<const User> users, Nanoseconds now);
  void observe(std::span<const User> users, Nanoseconds now);
  void give_back(std::span<const User> users, Nanoseconds now);

  const int64_t limit_bps_;
  int64_t wanted_bps_ = 0;
  bool full_ = false;

  // By plan: the first so many steps of share_after() are made.
  size_t steps_ = 0;
  std::vector<std::string> planned_;  // whose steps they are
  std::optional<Nanoseconds> roomy_since_;

  // By observation.
  std::map<std::string, UplinkShare> reduced_;
  std::optional<Nanoseconds> reduced_at_, returned_at_, late_at_;
  Nanoseconds wait_{kFirstWait};
};

}  // namespace stream::media

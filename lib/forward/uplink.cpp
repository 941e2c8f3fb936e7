#include "forward/uplink.h"

#include <algorithm>

namespace stream::media {
namespace {

using Users = std::span<const Uplink::User>;

// `users` from the least important on. The most important one is never touched; of the others all
// are thinned before the first is held back.
UplinkShare share_after(size_t steps, size_t index, size_t count) {
  const size_t others = count - 1;
  if (index >= others) return UplinkShare::kFull;
  if (steps > others && index < steps - others) return UplinkShare::kHeld;
  return index < steps ? UplinkShare::kThin : UplinkShare::kFull;
}

int64_t cost(const Uplink::User& user, UplinkShare share) {
  return share == UplinkShare::kFull   ? user.full_bps
         : share == UplinkShare::kThin ? user.thin_bps
                                       : 0;
}

UplinkShare next(UplinkShare share) {
  return share == UplinkShare::kFull ? UplinkShare::kThin : UplinkShare::kHeld;
}

}  // namespace

std::string_view to_text(UplinkShare share) {
  return share == UplinkShare::kFull ? "full" : share == UplinkShare::kThin ? "thinned" : "held";
}

// The fewest steps after which all fit; all of them when they never do.
size_t Uplink::steps_for(Users users, double limit) const {
  const size_t most = users.empty() ? 0 : 2 * (users.size() - 1);
  for (size_t steps = 0; steps < most; ++steps) {
    int64_t sum = 0;
    for (size_t i = 0; i < users.size(); ++i)
      sum += cost(users[i], share_after(steps, i, users.size()));
    if (static_cast<double>(sum) <= limit) return steps;
  }
  return most;
}

void Uplink::plan(Users users, Nanoseconds now) {
  if (limit_bps_ == 0) return;
  const auto limit = static_cast<double>(limit_bps_);
  const size_t needed = steps_for(users, limit);
  std::vector<std::string> names;
  for (const User& user : users) names.push_back(user.name);
  if (needed >= steps_ || names != planned_) {
    steps_ = needed;
    planned_ = std::move(names);
    roomy_since_.reset();
    return;
  }
  const size_t roomy = steps_for(users, limit * kRoom);
  if (roomy >= steps_) {
    roomy_since_.reset();
  } else if (!roomy_since_) {
    roomy_since_ = now;
  } else if (now - *roomy_since_ >= kRoomy) {
    steps_ = roomy;
    roomy_since_.reset();
  }
}

// Several that are late at once share what is narrow; the least important of them goes one step
// down. One alone that is late is slow on its own.
void Uplink::observe(Users users, Nanoseconds now) {
  std::erase_if(reduced_, [&](const auto& reduced) {
    return std::none_of(users.begin(), users.end(),
                        [&](const User& user) { return user.name == reduced.first; });
  });
  const auto behind = [](Nanoseconds time) {
    return [time](const User& user) { return user.behind >= time; };
  };
  if (std::count_if(users.begin(), users.end(), behind(kLate)) < 2) return give_back(users, now);
  late_at_ = now;
  if (reduced_at_ && now - *reduced_at_ < kSettle) return;
  if (returned_at_ && now - *returned_at_ < kTrial) wait_ = std::min(2 * wait_, kMostWait);
  returned_at_.reset();
  reduced_at_ = now;
  const auto least = std::find_if(users.begin(), users.end(), behind(kLate / 2));
  UplinkShare& share = reduced_[least->name];
  share = next(share);
}

// The most important of those that were reduced, one step, and then it is waited again.
void Uplink::give_back(Users users, Nanoseconds now) {
  if (returned_at_ && now - *returned_at_ >= kTrial && reduced_.empty()) wait_ = kFirstWait;
  const auto last = std::max({late_at_.value_or(now), reduced_at_.value_or(now),
                              returned_at_.value_or(Nanoseconds::min())});
  if (reduced_.empty() || now - last < wait_) return;
  for (auto user = users.rbegin(); user != users.rend(); ++user) {
    const auto found = reduced_.find(user->name);
    if (found == reduced_.end()) continue;
    returned_at_ = now;
    if (found->second == UplinkShare::kHeld) {
      found->second = UplinkShare::kThin;
    } else {
      reduced_.erase(found);
    }
    return;
  }
}

std::map<std::string, UplinkShare> Uplink::judge(std::vector<User> users, Nanoseconds now) {
  std::sort(users.begin(), users.end(), [](const User& a, const User& b) {
    return a.priority != b.priority ? a.priority < b.priority : a.order > b.order;
  });
  plan(users, now);
  observe(users, now);
  std::map<std::string, UplinkShare> shares;
  wanted_bps_ = 0;
  int64_t sum = 0;
  bool reduced = false;
  for (size_t i = 0; i < users.size(); ++i) {
    const User& user = users[i];
    UplinkShare share = share_after(steps_, i, users.size());
    if (const auto found = reduced_.find(user.name); found != reduced_.end())
      share = std::max(share, found->second);
    wanted_bps_ += user.full_bps;
    sum += cost(user, share);
    reduced |= share != UplinkShare::kFull;
    shares[user.name] = share;
  }
  const auto fits = [&](double room) {
    return limit_bps_ == 0 || static_cast<double>(sum) <= static_cast<double>(limit_bps_) * room;
  };
  full_ = reduced || !fits(full_ ? kRoom : 1);
  return shares;
}

}  // namespace stream::media

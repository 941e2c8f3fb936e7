#include "whep/rung_choice.h"

#include <algorithm>
#include <chrono>

namespace stream::whep {
namespace {

using namespace std::chrono_literals;

constexpr int64_t kBegin = 2'000'000;  // bit/s that are thought to fit till something is known
constexpr double kMuchLoss = 0.1, kCalmLoss = 0.02;  // 0..1
// What was measured of the rung before says nothing of this one.
constexpr Nanoseconds kSettle = 1500ms;
// Calm before the next rung is tried: with a player that sees room, and with one that tells
// nothing.
constexpr Nanoseconds kCalmRoom = 4s, kCalm = 8s;
constexpr double kRoom = 1.2;         // of what it gets: there is room
constexpr double kFalls = 0.97;       // of the estimate before: the player found the way narrow
constexpr double kOfEstimate = 0.95;  // that a rung may take
constexpr Nanoseconds kFirstPause = 15s, kLastPause = 5min;
constexpr Nanoseconds kStayed = 60s;  // so long on a rung: leaving it is no failed trial

std::optional<size_t> next_there(const std::vector<RungChoice::Rung>& rungs, size_t from, bool up) {
  for (size_t i = from; up ? ++i < rungs.size() : i-- > 0;)
    if (rungs[i].there) return i;
  return std::nullopt;
}

}  // namespace

size_t RungChoice::first(const std::vector<Rung>& rungs) {
  size_t best = rungs.size();
  for (size_t i = 0; i < rungs.size(); ++i)
    if (rungs[i].there && (best == rungs.size() || rungs[i].bps <= kBegin)) best = i;
  return best == rungs.size() ? 0 : best;
}

// Estimates that only grow slowly behind what is sent are no sign; one that falls is.
bool RungChoice::narrow(const Seen& seen, int64_t bps) {
  if (!seen.estimate) return false;
  const bool falls = estimate_ != 0 &&
                     static_cast<double>(*seen.estimate) < kFalls * static_cast<double>(estimate_);
  estimate_ = *seen.estimate;
  return falls && static_cast<double>(*seen.estimate) < static_cast<double>(bps);
}

void RungChoice::failed(size_t rung, Nanoseconds now) {
  Tried& tried = tried_[rung];
  const bool again = tried.pause > Nanoseconds{0} && now - since_ < kStayed;
  tried.pause = again ? std::min(2 * tried.pause, kLastPause) : kFirstPause;
  tried.until = now + tried.pause;
}

std::optional<RungChoice::Wish> RungChoice::down(const std::vector<Rung>& rungs, size_t current,
                                                 const Seen& seen) {
  const bool is_narrow = narrow(seen, rungs[current].bps);
  const bool lossy = seen.loss && *seen.loss > kMuchLoss;
  if (is_narrow || (seen.loss && *seen.loss > kCalmLoss)) calm_ = seen.now;
  if (seen.now - since_ < kSettle || (!is_narrow && !lossy)) return std::nullopt;
  auto lower = next_there(rungs, current, false);
  if (!lower) return std::nullopt;
  // By more than one when the player says how narrow it is.
  while (is_narrow && static_cast<double>(rungs[*lower].bps) >
                          kOfEstimate * static_cast<double>(*seen.estimate)) {
    const auto further = next_there(rungs, *lower, false);
    if (!further) break;
    lower = further;
  }
  failed(current, seen.now);
  return Wish{*lower, lossy ? "packets get lost" : "the player's network is narrower"};
}

std::optional<RungChoice::Wish> RungChoice::look(const std::vector<Rung>& rungs, size_t current,
                                                 const Seen& seen) {
  if (!begun_) since_ = calm_ = seen.now;
  begun_ = true;
  if (!rungs[current].there) {
    auto to = next_there(rungs, current, false);
    if (!to) to = next_there(rungs, current, true);
    if (to) return Wish{*to, "the rung gives no pictures"};
    return std::nullopt;
  }
  if (const auto wish = down(rungs, current, seen)) return wish;
  const auto higher = next_there(rungs, current, true);
  if (!higher) return std::nullopt;
  if (const auto tried = tried_.find(*higher);
      tried != tried_.end() && seen.now < tried->second.until)
    return std::nullopt;
  const bool room = seen.estimate && static_cast<double>(*seen.estimate) >
                                         kRoom * static_cast<double>(rungs[current].bps);
  if (seen.now - calm_ < (room ? kCalmRoom : kCalm)) return std::nullopt;
  return Wish{*higher, room ? "there is room" : "all arrives"};
}

void RungChoice::missed(Nanoseconds now, size_t rung) {
  failed(rung, now);
  calm_ = now;
}

void RungChoice::moved(Nanoseconds now, size_t from, size_t to) {
  since_ = calm_ = now;
  // Below a rung that had to be left the player's estimate follows what it gets.
  if (to < from) estimate_ = 0;
}

}  // namespace stream::whep

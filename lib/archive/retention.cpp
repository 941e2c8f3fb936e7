#include "archive/retention.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "base/units.h"

namespace stream::archive {

namespace {

constexpr Nanoseconds kTolerance = std::chrono::minutes(15);
// Without any other proof the clock may be this far beyond the newest thing that was archived.
constexpr Nanoseconds kUnproven = std::chrono::hours(24);

bool is_held(const Candidate& c, const Policy& policy) {
  return c.held || std::any_of(policy.holds.begin(), policy.holds.end(), [&](const std::string& h) {
           return h == c.stream || h == c.stream + "/" + c.id;
         });
}

std::string span_text(Nanoseconds span) {
  return to_text(Duration{std::chrono::duration_cast<std::chrono::seconds>(span)});
}

Nanoseconds between(WallTime from, WallTime to) {
  return std::chrono::duration_cast<Nanoseconds>(to - from);
}

}  // namespace

std::vector<Verdict> choose_expired(const std::vector<Candidate>& candidates, const Policy& policy,
                                    WallTime now, std::optional<uint64_t> free) {
  std::vector<size_t> order(candidates.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return candidates[a].sequence < candidates[b].sequence;
  });
  std::map<std::string, uint64_t> newer;  // of each stream, while going back
  std::vector<bool> kept(candidates.size());
  uint64_t total = 0;
  for (auto i = order.rbegin(); i != order.rend(); ++i) {
    const Candidate& c = candidates[*i];
    kept[*i] = newer[c.stream]++ < policy.keep_last || is_held(c, policy);
    total += c.bytes;
  }
  std::vector<Verdict> out;
  uint64_t freed = 0;
  WallTime proven{};  // nothing is older than what was archived before it
  for (const size_t i : order) {
    const Candidate& c = candidates[i];
    proven = std::max(proven, c.archived);
    if (kept[i]) continue;
    const char* reason = nullptr;
    if (between(proven, now) > policy.recordings)
      reason = "age";
    else if (policy.max_bytes > 0 && total - freed > policy.max_bytes)
      reason = "size";
    else if (policy.min_free > 0 && free && *free + freed < policy.min_free)
      reason = "free space";
    if (!reason) continue;
    freed += c.bytes;
    out.push_back({i, reason});
  }
  return out;
}

std::optional<std::string> distrust(const ClockEvidence& e) {
  if (e.store) {
    const Nanoseconds off = between(*e.store, e.now.wall);
    if (off > kTolerance) return "it is " + span_text(off) + " ahead of the store's";
    if (-off > kTolerance) return "it is " + span_text(-off) + " behind the store's";
  }
  const bool same_boot = e.mark && e.mark->boot_id == e.now.boot_id && !e.now.boot_id.empty();
  if (same_boot) {
    const Nanoseconds ran = e.now.boot - e.mark->boot;
    const Nanoseconds off = between(e.mark->wall, e.now.wall) - ran;
    if (off > kTolerance || -off > kTolerance) {
      return std::string("it jumped ") + (off.count() > 0 ? "forward by " : "back by ") +
             span_text(off.count() > 0 ? off : -off) + " since the last run, which was " +
             span_text(ran) + " ago";
    }
  }
  if (e.store || same_boot || e.synchronised) return std::nullopt;
  WallTime last = e.newest.value_or(WallTime());
  if (e.mark) last = std::max(last, e.mark->wall);
  if (between(last, e.now.wall) > kUnproven)
    return "nothing proves it: no store that tells the time, no synchronised clock, and the newest "
           "recording is " +
           span_text(between(last, e.now.wall)) + " old by it";
  return std::nullopt;
}

}  // namespace stream::archive

#include "archive/retention.h"

#include <doctest/doctest.h>

using namespace stream;
using namespace stream::archive;
using std::chrono::hours;

namespace {

const WallTime kNow = std::chrono::system_clock::from_time_t(1'800'000'000);

// Ten recordings of "a", one per day, the newest of now; 1 GB each.
std::vector<Candidate> ten_days() {
  std::vector<Candidate> out;
  for (int day = 9; day >= 0; --day)
    out.push_back({"r" + std::to_string(day), "a", static_cast<uint64_t>(10 - day), 1'000'000'000,
                   kNow - hours(24 * day), false});
  return out;
}

std::string ids(const std::vector<Candidate>& c, const std::vector<Verdict>& verdicts) {
  std::string out;
  for (const Verdict& v : verdicts)
    out += (out.empty() ? "" : " ") + c[v.candidate].id + ":" + v.reason;
  return out;
}

}  // namespace

TEST_CASE("what goes") {
  std::vector<Candidate> all = ten_days();
  Policy policy;
  policy.recordings = hours(24 * 8) - hours(1);
  SUBCASE("by age") {
    CHECK(ids(all, choose_expired(all, policy, kNow, {})) == "r9:age r8:age");
  }
  SUBCASE("a hold keeps, of the policy and of the entry") {
    policy.holds = {"a/r9"};
    all[1].held = true;
    CHECK(choose_expired(all, policy, kNow, {}).empty());
    policy.holds = {"b"};
    CHECK(ids(all, choose_expired(all, policy, kNow, {})) == "r9:age");
  }
  SUBCASE("the last of each stream stay, however old") {
    policy.recordings = hours(1);
    policy.keep_last = 3;
    all.push_back({"old", "b", 0, 1, kNow - hours(9999), false});
    const auto verdicts = choose_expired(all, policy, kNow, {});
    CHECK(verdicts.size() == 7);
    CHECK(all[verdicts.back().candidate].id == "r3");
  }
  SUBCASE("by size, the oldest first") {
    policy.recordings = hours(9999);
    policy.max_bytes = 7'500'000'000;
    CHECK(ids(all, choose_expired(all, policy, kNow, {})) == "r9:size r8:size r7:size");
  }
  SUBCASE("by free space") {
    policy.recordings = hours(9999);
    policy.min_free = 2'000'000'000;
    CHECK(ids(all, choose_expired(all, policy, kNow, 500'000'000)) ==
          "r9:free space r8:free space");
    CHECK(choose_expired(all, policy, kNow, {}).empty());
  }
  SUBCASE("what was archived after something young is young, whatever its time says") {
    all[4].archived = kNow - hours(24 * 400);  // written by a clock that was behind
    CHECK(ids(all, choose_expired(all, policy, kNow, {})) == "r9:age r8:age");
  }
}

TEST_CASE("a clock is believed only with proof") {
  ClockEvidence e;
  e.now = {kNow, hours(100), "boot"};
  SUBCASE("two days forward since the last run") {
    e.mark = ClockMark{kNow - hours(49), hours(99), "boot"};
    e.synchronised = true;
    REQUIRE(distrust(e));
    CHECK(distrust(e)->find("forward by 48h") != std::string::npos);
  }
  SUBCASE("as long as the machine ran") {
    e.mark = ClockMark{kNow - hours(49), hours(51), "boot"};
    CHECK_FALSE(distrust(e));
  }
  SUBCASE("the store contradicts") {
    e.store = kNow - hours(48);
    CHECK(distrust(e));
  }
  SUBCASE("the store agrees, after a boot") {
    e.mark = ClockMark{kNow - hours(500), hours(1), "other"};
    e.store = kNow;
    CHECK_FALSE(distrust(e));
  }
  SUBCASE("nothing proves it") {
    e.newest = kNow - hours(48);
    CHECK(distrust(e));
    e.newest = kNow - hours(2);
    CHECK_FALSE(distrust(e));
    e.newest = kNow - hours(48);
    e.synchronised = true;
    CHECK_FALSE(distrust(e));
  }
}

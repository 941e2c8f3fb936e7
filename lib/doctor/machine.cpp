#include "doctor/machine.h"

#include <sys/resource.h>
#include <sys/timex.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "base/time.h"

namespace stream::doctor {
namespace {

constexpr uint64_t kEnoughDescriptors = 4096, kFewDescriptors = 1024;
// libsrt asks for so much for 12 Mbit/s and a second; below Linux's own default packets get lost.
constexpr long kGoodUdpBuffer = 4 << 20, kLeastUdpBuffer = 208 << 10;
constexpr double kGoodClock = 0.5;

}  // namespace

Finding check_descriptors(uint64_t soft, uint64_t hard) {
  const std::string seen = "this user's processes may open " + std::to_string(soft) +
                           " descriptors, " + std::to_string(hard) + " if they ask";
  if (hard >= kEnoughDescriptors) return {"limits.descriptors", State::kOk, seen, {}};
  return {"limits.descriptors", hard < kFewDescriptors ? State::kFail : State::kWarn, seen,
          "raise it: LimitNOFILE=65536 in the unit, or nofile in limits.conf(5)"};
}

Finding check_descriptors() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return check_descriptors(limit.rlim_cur, limit.rlim_max);
}

Finding check_udp_buffers(const std::string& root) {
  const std::string path = root + "/proc/sys/net/core/rmem_max";
  std::ifstream file(path);
  long bytes = 0;
  if (!(file >> bytes) || bytes < 0)
    return {"udp.buffers", State::kWarn, path + " can't be read",
            "look at sysctl net.core.rmem_max where SRT is used"};
  const std::string seen = "net.core.rmem_max is " + std::to_string(bytes);
  const std::string remedy = "sysctl -w net.core.rmem_max=8388608, and a line in /etc/sysctl.d";
  if (bytes >= kGoodUdpBuffer) return {"udp.buffers", State::kOk, seen, {}};
  return {"udp.buffers", bytes < kLeastUdpBuffer ? State::kFail : State::kWarn,
          seen + ": SRT publishers of high rates lose packets while the machine is busy", remedy};
}

Clock read_clock() {
  Clock clock;
  clock.now = wall_now();
  timex t{};
  const int state = ::adjtimex(&t);
  clock.known = state >= 0;
  clock.synchronised = state >= 0 && state != TIME_ERROR && !(t.status & STA_UNSYNC);
  clock.error_seconds = static_cast<double>(t.maxerror) / 1e6;
  return clock;
}

Finding check_clock(const Clock& clock) {
  const std::string remedy = "run systemd-timesyncd or chrony: timedatectl set-ntp true";
  // Nothing of this project is older.
  static const auto kOldest = *parse_rfc3339("2026-01-01T00:00:00Z");
  if (clock.now < kOldest)
    return {"clock.sync", State::kFail, "the clock says " + rfc3339(clock.now), remedy};
  if (!clock.known)
    return {"clock.sync", State::kWarn, "the kernel does not say whether the clock is right",
            remedy};
  char seen[80];
  std::snprintf(seen, sizeof seen, "the clock is %s, within %.3g s",
                clock.synchronised ? "kept in time" : "kept by nobody", clock.error_seconds);
  if (clock.synchronised && clock.error_seconds <= kGoodClock)
    return {"clock.sync", State::kOk, seen, {}};
  return {"clock.sync", State::kWarn, seen, remedy};
}

}  // namespace stream::doctor

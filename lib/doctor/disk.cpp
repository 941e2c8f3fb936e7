// The disk that recordings and segments go to.
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "base/error.h"
#include "base/time.h"
#include "doctor/machine.h"
#include "os/fd.h"

namespace stream::doctor {
namespace {

constexpr size_t kBlock = 1 << 20, kBlocks = 32;
constexpr auto kLongest = std::chrono::seconds(10);
// A recording of 8 Mbit/s writes 1 MB/s and syncs each second.
constexpr double kGoodRate = 20e6, kLeastRate = 5e6;

std::string existing(const std::string& dir) {
  std::error_code error;
  std::filesystem::path path = std::filesystem::absolute(dir, error);
  while (!std::filesystem::exists(path, error) && path.has_relative_path())
    path = path.parent_path();
  return path.string();
}

std::string megabytes(double bytes) {
  char text[32];
  std::snprintf(text, sizeof text, bytes < 1e10 ? "%.1f" : "%.0f", bytes / 1e6);
  return text;
}

}  // namespace

Finding check_space(const std::string& dir, ByteSize wanted) {
  struct statvfs fs {};
  if (::statvfs(existing(dir).c_str(), &fs) != 0)
    return {"disk.space", State::kFail, dir + ": " + errno_text(errno), "make the directory"};
  const uint64_t free = static_cast<uint64_t>(fs.f_bavail) * fs.f_frsize;
  const std::string seen = dir + " has " + megabytes(static_cast<double>(free)) + " MB free";
  if (free >= wanted.bytes) return {"disk.space", State::kOk, seen, {}};
  return {"disk.space", free < wanted.bytes / 10 ? State::kFail : State::kWarn,
          seen + ", less than " + to_text(wanted),
          "make room, or write elsewhere; an hour of 6 Mbit/s takes 2700 MB"};
}

Finding judge_disk_speed(const std::string& dir, double rate) {
  const std::string seen = dir + " takes " + megabytes(rate) + " MB/s, synced";
  if (rate >= kGoodRate) return {"disk.speed", State::kOk, seen, {}};
  return {"disk.speed", rate < kLeastRate ? State::kFail : State::kWarn, seen,
          "record to another disk, or end what else writes to this one"};
}

Finding check_disk_speed(const std::string& dir) {
  const std::string place = existing(dir);
  std::string name = place + "/.stream-doctor-XXXXXX";
  const os::Fd fd(::mkostemp(name.data(), O_CLOEXEC));
  if (!fd)
    return {"disk.speed", State::kFail,
            "nothing can be written to " + place + ": " + errno_text(errno),
            "give its owner the right to, or choose another directory"};
  ::unlink(name.c_str());
  const std::vector<uint8_t> block(kBlock, 0x5a);
  const Nanoseconds begun = monotonic_now();
  size_t written = 0;
  while (written < kBlocks && monotonic_now() - begun < kLongest) {
    if (const int error = os::write_all(fd.get(), block); error != 0)
      return {"disk.speed", State::kFail, "writing to " + place + " fails: " + errno_text(error),
              "make room, or look at the disk"};
    ++written;
  }
  if (::fdatasync(fd.get()) != 0)
    return {"disk.speed", State::kFail, "syncing " + place + " fails: " + errno_text(errno),
            "look at the disk"};
  const double seconds = std::chrono::duration<double>(monotonic_now() - begun).count();
  return judge_disk_speed(place, static_cast<double>(written * kBlock) / std::max(seconds, 1e-6));
}

}  // namespace stream::doctor

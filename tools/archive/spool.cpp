#include "spool.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <vector>

#include "base/text.h"
#include "base/units.h"
#include "os/free_space.h"

namespace stream::archive {

namespace {

namespace fs = std::filesystem;

constexpr char kHint[] =
    "finish what earlier runs left: stream-archive put --pending --to STORE; make room on the disk "
    "that holds STATE; or change --spool-max and --min-free";

}  // namespace

Spool::Spool(std::string path, SpoolLimits limits, control::Service& service)
    : path_(std::move(path)),
      directory_(fs::path(path_).parent_path()),
      limits_(limits),
      service_(service) {
  if (const std::string reason = obstacle(1); !reason.empty()) {
    throw Error(Exit::kNo, "archive.spool", "cannot keep standard input: " + reason, kHint);
  }
  file_ = os::Fd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file_) throw_errno("create", path_, errno);
  thread_ = std::thread([this] { run(); });
}

Spool::~Spool() {
  thread_.join();
}

std::pair<uint64_t, bool> Spool::grown(uint64_t size) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return ended_ || size_ > size; });
  return {size_, ended_};
}

std::optional<Error> Spool::error() const {
  const std::lock_guard lock(mutex_);
  if (reason_.empty()) return std::nullopt;
  return Error(Exit::kPartial, "archive.spool",
               "standard input was archived only in part, its first " + std::to_string(size_) +
                   " bytes: " + reason_,
               kHint);
}

uint64_t Spool::others() const {
  uint64_t sum = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory_, error)) {
    if (entry.path().extension() != ".spool" || entry.path() == path_) continue;
    if (const uint64_t size = entry.file_size(error); !error) sum += size;
  }
  return sum;
}

// Why `more` bytes can't be added; empty: they can.
std::string Spool::obstacle(uint64_t more) {
  if (limits_.max > 0) {
    const Nanoseconds now = monotonic_now();
    if (looked_ == Nanoseconds::zero() || now - looked_ > std::chrono::seconds(1)) {
      others_ = others();
      looked_ = now;
    }
    if (others_ + size_ + more > limits_.max)
      return directory_ + " holds " + to_text(ByteSize{others_ + size_}) +
             " already, and --spool-max is " + to_text(ByteSize{limits_.max});
  }
  const auto free = os::free_bytes(directory_);
  if (limits_.min_free > 0 && free && *free < limits_.min_free + more)
    return "less than " + to_text(ByteSize{limits_.min_free}) +
           " (--min-free) would be free on the disk of " + directory_;
  return {};
}

void Spool::run() {
  std::vector<uint8_t> buffer(1 << 20);
  std::string reason;
  while (reason.empty() && !service_.stopping()) {
    struct pollfd waits[2] = {{0, POLLIN, 0}, {service_.stop_fd(), POLLIN, 0}};
    if (::poll(waits, 2, -1) < 0 && errno == EINTR) continue;
    if (waits[1].revents) break;
    const ssize_t n = ::read(0, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    const Bytes bytes{buffer.data(), static_cast<size_t>(n)};
    reason = obstacle(bytes.size());
    if (!reason.empty()) break;
    if (const int error = os::write_all(file_.get(), bytes); error != 0) {
      reason = "cannot write " + path_ + ": " + errno_text(error);
      break;
    }
    const std::lock_guard lock(mutex_);
    size_ += bytes.size();
    changed_.notify_all();
  }
  // Whoever writes there is told now and not when all that came has been uploaded.
  if (!reason.empty())
    if (const os::Fd none(::open("/dev/null", O_RDONLY | O_CLOEXEC)); none) ::dup2(none.get(), 0);
  const std::lock_guard lock(mutex_);
  reason_ = std::move(reason);
  ended_ = true;
  changed_.notify_all();
}

}  // namespace stream::archive

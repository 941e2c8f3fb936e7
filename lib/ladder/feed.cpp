#include "ladder/feed.h"

#include <algorithm>
#include <utility>

namespace stream::media {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A pipe is live when what it delivered is no more than this beyond the time that went by. The
// second is for the group of pictures that a publisher starts with.
constexpr double kPace = 1.5;
constexpr Nanoseconds kBurst = milliseconds(2500);
constexpr Nanoseconds kWatch = milliseconds(2500), kLeast = milliseconds(1500);

int clock_track(const av::Tracks& tracks) {
  for (size_t i = 0; i < tracks.size(); i++)
    if (tracks[i].type == av::MediaType::kVideo) return static_cast<int>(i);
  return tracks.empty() ? -1 : 0;
}

}  // namespace

LadderFeed::LadderFeed(MediaInput& input, SlowPolicy policy, std::deque<MediaInput::Item> first)
    : input_(input), first_(std::move(first)), tracks_(input.tracks()) {
  clock_ = clock_track(tracks_);
  live_ = policy == SlowPolicy::kShed || (policy == SlowPolicy::kAuto && !input.waits_for_reader());
  undecided_ = policy == SlowPolicy::kAuto && !live_ && input.spec() == "-";
  thread_ = std::thread([this] { run(); });
}

LadderFeed::~LadderFeed() {
  stop();
  thread_.join();
}

void LadderFeed::run() {
  try {
    for (;;) {
      MediaInput::Item item = MediaInput::End{};
      if (!first_.empty()) {
        item = std::move(first_.front());
        first_.pop_front();
      } else {
        item = input_.read();
      }
      if (std::holds_alternative<MediaInput::End>(item)) break;
      take(std::move(item));
    }
  } catch (...) {
    std::lock_guard lock(mutex_);
    error_ = std::current_exception();
  }
  std::lock_guard lock(mutex_);
  ended_ = true;
  items_.notify_all();
}

Nanoseconds LadderFeed::time_of(const av::Packet& packet) const {
  const int64_t dts = packet.dts == kNoTime ? packet.pts : packet.dts;
  return Nanoseconds(
      rescale(dts, tracks_[static_cast<size_t>(packet.track)].time_base, kNanosecondBase));
}

Nanoseconds LadderFeed::backlog_locked() const {
  return queue_.empty() ? Nanoseconds{} : newest_ - popped_;
}

void LadderFeed::decide_live() {
  const Nanoseconds wall = monotonic_now() - started_;
  const bool full = backlog_locked() >= kMaxBacklog;
  if (!full && wall < kWatch) return;
  const double allowed = kPace * static_cast<double>(wall.count()) + kBurst.count();
  live_ = wall >= kLeast && static_cast<double>((newest_ - first_time_).count()) <= allowed;
  undecided_ = false;
}

void LadderFeed::take(MediaInput::Item item) {
  std::unique_lock lock(mutex_);
  if (std::holds_alternative<MediaInput::TracksChanged>(item)) {
    tracks_ = input_.tracks();
    clock_ = clock_track(tracks_);
    queue_.push_back(NewTracks{tracks_});
    items_.notify_one();
    return;
  }
  av::Packet packet = std::move(std::get<av::Packet>(item));
  if (packet.track == clock_) {
    const Nanoseconds time = time_of(packet);
    if (!any_) {
      first_time_ = popped_ = newest_ = time;
      started_ = monotonic_now();
      any_ = true;
    }
    newest_ = std::max(newest_, time);
    if (undecided_) decide_live();
  }
  if (live_) {
    if (backlog_locked() > kMaxBacklog || bytes_ > kMaxBytes) drop_to_keyframe();
  } else {
    room_.wait(lock, [&] {
      return stopped_ || queue_.empty() || (backlog_locked() < kReadAhead && bytes_ < kMaxBytes);
    });
  }
  if (stopped_) return;
  bytes_ += packet.data.size();
  queue_.push_back(std::move(packet));
  items_.notify_one();
}

// Keeps the sound and the newest group of pictures; when there is none, no picture until it comes.
void LadderFeed::drop_to_keyframe() {
  const auto is_video = [&](const Item& item) {
    const auto* p = std::get_if<av::Packet>(&item);
    return p && tracks_[static_cast<size_t>(p->track)].type == av::MediaType::kVideo;
  };
  auto key = std::find_if(queue_.rbegin(), queue_.rend(), [&](const Item& item) {
    return is_video(item) && std::get<av::Packet>(item).key;
  });
  const ptrdiff_t end =
      key == queue_.rend() ? static_cast<ptrdiff_t>(queue_.size()) : queue_.rend() - key - 1;
  std::deque<Item> kept;
  for (ptrdiff_t i = 0; i < static_cast<ptrdiff_t>(queue_.size()); i++) {
    Item& item = queue_[static_cast<size_t>(i)];
    if (i < end && is_video(item)) {
      bytes_ -= std::get<av::Packet>(item).data.size();
      dropped_++;
    } else {
      kept.push_back(std::move(item));
    }
  }
  queue_ = std::move(kept);
}

std::optional<LadderFeed::Item> LadderFeed::pop() {
  std::unique_lock lock(mutex_);
  if (queue_.empty() && !ended_ && !stopped_) {
    const Nanoseconds before = monotonic_now();
    items_.wait(lock, [&] { return !queue_.empty() || ended_ || stopped_; });
    idle_ += monotonic_now() - before;
  }
  if (stopped_) return std::nullopt;
  if (queue_.empty()) {
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
    return std::nullopt;
  }
  Item item = std::move(queue_.front());
  queue_.pop_front();
  if (const auto* packet = std::get_if<av::Packet>(&item)) {
    bytes_ -= packet->data.size();
    if (packet->track == clock_) popped_ = std::max(popped_, time_of(*packet));
  }
  room_.notify_one();
  return item;
}

void LadderFeed::stop() {
  input_.interrupt();
  std::lock_guard lock(mutex_);
  stopped_ = true;
  items_.notify_all();
  room_.notify_all();
}

Nanoseconds LadderFeed::backlog() const {
  std::lock_guard lock(mutex_);
  return backlog_locked();
}
Nanoseconds LadderFeed::idle() const {
  std::lock_guard lock(mutex_);
  return idle_;
}
uint64_t LadderFeed::dropped() const {
  std::lock_guard lock(mutex_);
  return dropped_;
}

}  // namespace stream::media

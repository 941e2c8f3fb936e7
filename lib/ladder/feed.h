// Reads the input on a thread of its own into a bounded queue, so that a ladder that is slow never
// holds up live media, and so that being slow can be seen: as media that waits. Of a source that
// waits for its reader little is read ahead. Live media that waits longer than kMaxBacklog is
// dropped up to the newest keyframe, and counted.
#pragma once
#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>

#include "media/input.h"

namespace stream::media {

enum class SlowPolicy {
  kAuto,  // kShed for a bus or a live URL and for a pipe that delivers at real-time pace
  kShed,
  kWait
};

class LadderFeed {
 public:
  static constexpr Nanoseconds kMaxBacklog = std::chrono::seconds(4);
  static constexpr Nanoseconds kReadAhead = std::chrono::seconds(1);
  static constexpr size_t kMaxBytes = 64 << 20;

  struct NewTracks {
    av::Tracks tracks;
  };
  using Item = std::variant<av::Packet, NewTracks>;

  // `first` was read already and comes first. The input must outlive this.
  LadderFeed(MediaInput& input, SlowPolicy policy, std::deque<MediaInput::Item> first);
  ~LadderFeed();

  // nullopt at the end; rethrows what the input threw, after everything before it.
  std::optional<Item> pop();
  // Ends the input and drops what waits.
  void stop();

  bool live() const noexcept { return live_; }
  Nanoseconds backlog() const;  // media that waits
  Nanoseconds idle() const;     // time that pop() spent waiting for media, so far
  uint64_t dropped() const;     // pictures dropped because too much waited

 private:
  void run();
  void take(MediaInput::Item item);
  void decide_live();
  void drop_to_keyframe();
  Nanoseconds time_of(const av::Packet& packet) const;
  Nanoseconds backlog_locked() const;

  MediaInput& input_;
  std::deque<MediaInput::Item> first_;
  std::atomic<bool> live_{false};
  mutable std::mutex mutex_;
  std::condition_variable items_, room_;
  av::Tracks tracks_;
  int clock_ = -1;  // the track whose time counts
  std::deque<Item> queue_;
  size_t bytes_ = 0;
  bool ended_ = false, stopped_ = false, undecided_ = false;
  std::exception_ptr error_;
  Nanoseconds first_time_{}, newest_{}, popped_{}, started_{};
  bool any_ = false;
  Nanoseconds idle_{};
  uint64_t dropped_ = 0;
  std::thread thread_;
};

}  // namespace stream::media

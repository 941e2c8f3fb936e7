// What waits for one destination: at most 8 MiB or 10 s. When it is full the pictures go, up to the
// next keyframe; sound goes last; codec configuration stays. The messages are shared, so the queue
// costs pointers. Pure; one thread.
#pragma once
#include <cstdint>
#include <deque>

#include "forward/types.h"

namespace stream::media {

class ForwardQueue {
 public:
  static constexpr size_t kMaxBytes = 8u << 20;
  static constexpr int64_t kMaxMilliseconds = 10'000;

  void push(const MessagePtr& message);
  MessagePtr pop();  // null when empty
  void clear();

  bool empty() const noexcept { return messages_.empty(); }
  size_t size() const noexcept { return messages_.size(); }
  size_t bytes() const noexcept { return bytes_; }
  int64_t milliseconds() const;
  uint64_t dropped_video() const noexcept { return dropped_video_; }
  uint64_t dropped_audio() const noexcept { return dropped_audio_; }
  uint64_t overflows() const noexcept { return overflows_; }
  // Messages taken out by pop(), and the pictures among them.
  uint64_t popped() const noexcept { return popped_; }
  uint64_t popped_video() const noexcept { return popped_video_; }

 private:
  bool full() const { return bytes_ > kMaxBytes || milliseconds() > kMaxMilliseconds; }
  void shed();
  void drop_video(size_t count);
  bool drop_oldest_audio();

  std::deque<MessagePtr> messages_;
  size_t bytes_ = 0;
  bool waits_ = false;  // for a keyframe
  uint64_t dropped_video_ = 0, dropped_audio_ = 0, overflows_ = 0;
  uint64_t popped_ = 0, popped_video_ = 0;
};

}  // namespace stream::media

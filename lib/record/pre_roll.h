// The last seconds of a stream, for a recording that is started after the fact: whole groups of
// pictures, bounded in time and in bytes. One thread.
#pragma once
#include <deque>

#include "av/packet.h"
#include "base/time.h"

namespace stream::media {

class PreRoll {
 public:
  static constexpr size_t kMaxBytes = 64 << 20;

  explicit PreRoll(Nanoseconds length) : length_(length) {}

  // `start`: a recording may begin with this packet; `time` is its decoding time.
  void add(av::Packet packet, Nanoseconds time, bool start);
  // What is held, from a start on; nothing is held then.
  std::deque<av::Packet> take();
  void clear() { take(); }
  size_t bytes() const { return bytes_; }

 private:
  struct Held {
    av::Packet packet;
    Nanoseconds time;
    bool start;
  };
  void drop_group();

  const Nanoseconds length_;
  std::deque<Held> held_;
  std::deque<Nanoseconds> starts_;  // of the groups held
  size_t bytes_ = 0;
};

}  // namespace stream::media

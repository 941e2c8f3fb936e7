// Cuts H.264 at any picture: whole groups of pictures are copied, only those that a cut goes
// through are encoded anew, with parameter sets of their own numbers beside the source's. One
// thread.
#pragma once
#include <deque>
#include <optional>

#include "av/encoder.h"
#include "av/packet.h"
#include "av/track.h"

namespace stream::media {

// Of a group of pictures that a part may begin in.
inline constexpr size_t kMaxGroupBytes = 256 << 20;

class ExactCut {
 public:
  // `start`: the time that `from` and `to` count from. Throws Error kUnsupported "record.exact" for
  // what can't be cut so.
  ExactCut(av::Tracks tracks, std::optional<Nanoseconds> from, std::optional<Nanoseconds> to,
           Nanoseconds start);

  const av::Tracks& tracks() const { return tracks_; }  // as they are to be written
  // The packets to be written now. `packet` is taken; rest() at the end.
  std::deque<av::Packet> take(av::Packet packet);
  std::deque<av::Packet> rest() { return close_group(Nanoseconds::max()); }
  bool done() const { return done_; }

 private:
  Nanoseconds shown(const av::Packet& packet) const;
  std::deque<av::Packet> close_group(Nanoseconds end);
  std::deque<av::Packet> encode(const std::deque<av::Packet>& pictures, Nanoseconds from,
                                Nanoseconds to) const;

  const av::Tracks source_;
  av::Tracks tracks_;
  const Nanoseconds from_, to_, start_;
  int video_ = 0;
  av::VideoEncoding encoding_;
  std::deque<av::Packet> held_;  // of one group, all tracks
  size_t bytes_ = 0;
  bool done_ = false;
};

}  // namespace stream::media

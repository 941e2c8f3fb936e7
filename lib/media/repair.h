// The times of what others wrote, made to the contract of stream(7) by the timeline that
// stream-ingest uses: single outliers are restamped, a jump that lasts is a discontinuity; times
// that are good stay to the tick. Of one sitting. One thread.
#pragma once
#include <deque>
#include <optional>
#include <vector>

#include "av/packet.h"
#include "av/track.h"
#include "media/timeline.h"

namespace stream::media {

class TimeRepair {
 public:
  // A file's gaps are the truth, its writer knew them: those up to ten minutes stay. For that, a
  // packet after a gap waits for the track's next one, which shows whether time goes on from there.
  // A live source's are, unless it was silent for as long, a clock that jumped.
  enum class Kind { kLive, kFile };

  // `preview`: the sitting's first packets, which are to be pushed as well.
  TimeRepair(const av::Tracks& tracks, const std::deque<av::Packet>& preview, Kind kind);

  // Tracks that appeared since are at the end of `tracks`.
  void follow(const av::Tracks& tracks);
  void push(av::Packet packet, Nanoseconds arrival);
  // Nothing is pushed any more.
  void finish() { finished_ = true; }
  bool finished() const { return finished_; }
  // To be called until it gives nothing.
  std::optional<av::Packet> pop();

 private:
  struct Held {
    av::Packet packet;
    Nanoseconds arrival;
  };
  struct Line {
    int64_t move = 0;  // from the source's times to the timeline's
    int64_t far = 0;   // further from the packet before is a gap, or an outlier
    std::optional<int64_t> last;
  };
  void add_line(const av::Track& track);
  bool is_gap(const av::Packet& first) const;
  bool must_wait(const av::Packet& first) const;
  std::optional<av::Packet> stamp(Held held);

  const Kind kind_;
  Timeline timeline_;
  Nanoseconds begin_{0};  // the source's time where the timeline begins
  std::vector<Line> lines_;
  std::deque<Held> held_;
  bool finished_ = false;
};

}  // namespace stream::media

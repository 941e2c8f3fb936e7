// Fan-out of one live stream: packets go in once, any number of readers take them out at their own
// pace; the bytes are shared. A reader starts with the newest keyframe. A slow reader loses whole
// runs up to the next keyframe, never the stream: the producer and the other readers don't wait.
// All on one thread; nothing is locked.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "av/packet.h"
#include "av/track.h"
#include "base/fifo.h"

namespace stream::media {

// What happens when a reader's queue is full. kBlock: congested() turns true and the producer
// waits.
enum class OnSlow { kDrop, kBlock };

struct HubLimits {
  size_t bytes = 8u << 20;  // of the cache and of each reader's queue
  Nanoseconds span = std::chrono::seconds(10);
};

// One reader's sitting: the tracks it was given stay as they are; when they change it ends.
class HubReader {
 public:
  enum class State {
    kWaiting,  // tracks are not known yet
    kOpen,
    kEnded,  // nothing follows what is queued
  };
  State state() const noexcept { return state_; }
  const av::Tracks& tracks() const noexcept { return tracks_; }
  std::optional<av::Packet> pop();

  size_t queued_packets() const noexcept { return queue_.size(); }
  size_t queued_bytes() const noexcept { return bytes_; }
  Nanoseconds queued_span() const;
  uint64_t dropped() const noexcept { return dropped_; }      // packets
  uint64_t overflows() const noexcept { return overflows_; }  // runs of them

 private:
  friend class Hub;
  void open(const av::Tracks& tracks);
  void offer(const av::Packet& packet, const HubLimits& limits);
  void enqueue(av::Packet packet);
  void drop_queue();
  void remember(const av::Packet& packet);
  bool full(const HubLimits& limits) const;

  // The queue it was given at the start does not count against its bound.
  size_t given_bytes_ = 0;
  Nanoseconds given_span_{0};
  OnSlow on_slow_ = OnSlow::kDrop;
  std::function<void()> wake_;
  State state_ = State::kWaiting;
  av::Tracks tracks_;
  Fifo<av::Packet> queue_;
  size_t bytes_ = 0;
  struct TrackState {
    bool video = false;
    bool started = false;  // a keyframe was given (picture): what follows can be decoded
    bool gap = false;      // packets were dropped: the next one is marked as a discontinuity
    std::shared_ptr<const av::Mark> lost;  // what stood on packets that it did not get
  };
  std::vector<TrackState> state_of_;
  int video_ = -1;      // the first track of pictures
  bool waits_ = false;  // for a keyframe of the first picture track
  uint64_t dropped_ = 0, overflows_ = 0;
};

class Hub {
 public:
  explicit Hub(HubLimits limits = {}) : limits_(limits) {}

  // The tracks, when first known; others than before end the sitting of all readers.
  void announce(av::Tracks tracks);
  bool announced() const noexcept { return announced_; }
  const av::Tracks& tracks() const noexcept { return tracks_; }
  // Times and marks to the contract of stream(7). `track` describes the packet's track from here
  // on, when its mark has new extradata.
  void push(const av::Packet& packet, const av::Track* track = nullptr);
  // Sees each packet as it is handed on; must not push. For what looks at all of them at once and
  // keeps none, where a reader would cost too much.
  void on_packet(std::function<void(const av::Packet&)> observer) {
    on_packet_ = std::move(observer);
  }
  // How many times the tracks became others.
  size_t layouts() const noexcept { return layouts_; }
  // Readers drain and end.
  void end();
  bool ended() const noexcept { return ended_; }

  // `wake` is called when something can be popped or the state changed; it must not call the hub.
  // The reader leaves when the last reference goes.
  std::shared_ptr<HubReader> attach(OnSlow on_slow, std::function<void()> wake);

  // True when a reader with kBlock is full: the producer is to wait for it.
  bool congested() const;
  std::vector<std::shared_ptr<HubReader>> readers() const;
  uint64_t dropped() const noexcept { return dropped_; }  // of readers that left, too

 private:
  void cache(const av::Packet& packet);

  HubLimits limits_;
  bool announced_ = false, ended_ = false;
  av::Tracks tracks_;
  int video_ = -1;  // the track whose keyframes are entry points
  // From the newest keyframe on, and the tracks as they were there.
  Fifo<av::Packet> cache_;
  av::Tracks cache_tracks_;
  size_t cache_bytes_ = 0;
  Nanoseconds cache_began_{0};  // when its first packet is
  bool entered_ = false;        // a keyframe was seen
  uint64_t dropped_ = 0;
  std::function<void(const av::Packet&)> on_packet_;
  size_t layouts_ = 0;
  bool may_block_ = false;  // a reader with kBlock is or was there
  std::vector<std::weak_ptr<HubReader>> readers_;
};

// The same number of tracks with the same codecs and time bases: readers can go on.
bool same_layout(const av::Tracks& a, const av::Tracks& b);

}  // namespace stream::media

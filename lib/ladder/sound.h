// The ladder's one sound rendition: a thread that makes AAC once for all rungs, and writes segments
// cut where the picture's are (fMP4), hands the packets to the rungs (TS), or to the bus alone.
#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "base/bounded_queue.h"
#include "encode/sound_coder.h"
#include "ladder/grid.h"
#include "ladder/segment_meter.h"
#include "ladder/types.h"
#include "ladder/writer.h"

namespace stream::media {

class MasterBook;

struct SoundStatus {
  int64_t position = 0;  // kLadderBase
  uint64_t packets = 0, segments = 0;
  double silence_seconds = 0, dropped_seconds = 0;
  uint64_t damaged = 0;
  hls::Rates rates;
};

class SoundPath {
 public:
  using PacketSink = std::function<void(const av::Packet&)>;

  // With `files` it writes the rendition "audio"; with `sink` it hands out packets. `bus` is shown
  // each of them as soon as it is made. Any of the three may be empty. Segments are of `segment`.
  SoundPath(int64_t bit_rate, Nanoseconds segment,
            const std::optional<hls::RenditionOptions>& files, PacketSink sink, PacketSink bus,
            MasterBook& master, EventSink event);
  ~SoundPath();

  struct Begin {
    EpochPtr epoch;
    GridPtr grid;
  };
  struct Source {
    av::Track track;  // its packets follow
  };
  struct Progress {
    int64_t pts = 0;  // the picture is here, in kLadderBase
    bool end = false;
  };
  using Item = std::variant<Begin, Source, av::Packet, Progress>;

  void push(Item item) { queue_.push(std::move(item)); }
  void finish() { queue_.stop(); }
  void join();

  // What comes out.
  const av::Track& track() const { return coder_.track(); }
  hls::Rendition* rendition() { return writer_ ? &writer_->rendition() : nullptr; }
  SoundStatus status() const;

 private:
  void run();
  void handle(Begin& begin);
  void handle(Source& source);
  void handle(av::Packet& packet);
  void handle(Progress& progress);
  void drain();
  void hold(av::Packet packet);
  void release(bool all);
  void write(av::Packet packet);
  void note(int64_t pts);
  void meter(const av::Packet& packet);
  void report();

  const int64_t bit_rate_;
  PacketSink sink_, bus_;
  MasterBook& master_;
  EventSink event_;
  SoundCoder coder_;
  const std::unique_ptr<SegmentWriter> writer_;  // may be null
  const Nanoseconds segment_;
  SegmentMeter meter_;        // counts without it
  std::deque<Begin> begins_;  // those whose first packet is still to come; front: in force
  bool begun_ = false;
  std::deque<av::Packet> held_;
  uint64_t reported_ = 0;
  mutable std::mutex mutex_;
  SoundStatus status_;
  BoundedQueue<Item> queue_;
  std::thread thread_;
};

}  // namespace stream::media

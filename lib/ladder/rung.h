// One rung: a thread that encodes pictures (or takes the source's packets as they are) and writes
// the rendition, or puts it on the bus, or both. What fails in it stays in it: an encoder that
// breaks is replaced at once, within the same segment, and the other rungs do not notice. push()
// may block: the queue holds few pictures on purpose, they are large.
#pragma once
#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

#include "av/encoder.h"
#include "base/bounded_queue.h"
#include "ladder/grid.h"
#include "ladder/plan.h"
#include "ladder/rung_bus.h"
#include "ladder/segment_meter.h"
#include "ladder/types.h"
#include "ladder/writer.h"

namespace stream::media {

class MasterBook;

struct BeginEpoch {
  EpochPtr epoch;
  GridPtr grid;
  PlannedRung rung;
  Rational frame_rate;
  bool bt601 = false;
  std::shared_ptr<const av::Track> source;  // for a copied rung
  std::shared_ptr<const av::Track> sound;   // muxed in (TS)
  std::shared_ptr<const av::Track> beside;  // the sound on the bus
};
struct Picture {
  av::Frame frame;
  int64_t segment = 0;
};
struct Coded {
  av::Packet packet;  // in kLadderBase
  int64_t segment = 0;
};
struct Sound {
  av::Packet packet;
};
struct Skip {
  int64_t segment = 0;  // this and all before it were not made
};
using RungItem = std::variant<BeginEpoch, Picture, Coded, Sound, Skip>;

struct RungStatus {
  std::string name, encoder;
  int width = 0, height = 0;
  bool copied = false, paused = false;
  uint64_t pictures = 0, segments = 0, restarts = 0, gaps = 0;
  uint64_t bytes = 0;
  int64_t position = 0;  // the newest picture that came out, kLadderBase
  size_t queued = 0;
  hls::Rates rates;
  std::optional<RungBus::Status> bus;  // absent: it is not on the bus
};

class Rung {
 public:
  // Called with each picture before it is encoded; for tests: what it throws is the encoder's
  // failure.
  using Probe = std::function<void(const std::string& rung, int64_t pts)>;

  // Segments are of `segment`. Without `files` it is on the bus only, with a null `bus` in files.
  Rung(const RungSpec& spec, Nanoseconds segment, const std::optional<hls::RenditionOptions>& files,
       int order, MasterBook& master, EventSink event, Probe probe = {},
       std::shared_ptr<RungBus> bus = {});
  ~Rung();

  const std::string& name() const { return name_; }
  // For the numbering, before anything is pushed. Null: it is in no files.
  hls::Rendition* rendition() { return writer_ ? &writer_->rendition() : nullptr; }

  void push(RungItem item);  // blocks while the queue is full
  // Finishes what was pushed, writes ENDLIST, ends the thread. finish() of all rungs first, then
  // join().
  void finish() { queue_.stop(); }
  void join();
  // Whatever is not encoded by `deadline` (monotonic) is let go; for a stop. Any thread.
  void hurry(Nanoseconds deadline) { deadline_ = deadline.count(); }

  RungStatus status() const;
  size_t queued() const { return queue_.cost(); }

 private:
  void run();
  void handle(BeginEpoch& begin);
  void handle(Picture& picture);
  void handle(Coded& coded);
  void handle(Sound& sound);
  void handle(Skip& skip);
  void open_encoder();
  int64_t decode_time(int64_t pts);
  void drain();
  void flush(Nanoseconds at_most);
  void deliver(av::Packet packet);
  void encoder_failed(const std::string& reason);
  void flush_group();
  void write(CodedUnit unit);
  void start_writer(const av::Track& track);
  void after_write();

  const std::string name_;
  const int order_;
  MasterBook& master_;
  EventSink event_;
  Probe probe_;
  const std::shared_ptr<RungBus> bus_;
  const std::unique_ptr<SegmentWriter> writer_;  // may be null
  SegmentMeter meter_;                           // then it counts
  BoundedQueue<RungItem> queue_;
  BeginEpoch begin_;
  bool started_ = false;  // the writer knows the epoch
  std::unique_ptr<av::Encoder> encoder_;
  std::deque<int64_t> decode_times_;                   // of the packets to come
  std::deque<std::pair<int64_t, int64_t>> keyframes_;  // pts and segment of those asked for
  int64_t interval_ = 3000;                            // nominal, between pictures
  int64_t sent_segment_ = -1, out_segment_ = 0;
  bool retry_later_ = false;
  std::deque<av::Packet> waiting_sound_;  // until the writer has begun
  std::vector<Coded> group_;              // of a copied rung: a segment before its order is known
  uint64_t reported_ = 0;
  std::atomic<int64_t> deadline_{INT64_MAX};
  mutable std::mutex mutex_;
  RungStatus status_;
  std::thread thread_;
};

}  // namespace stream::media

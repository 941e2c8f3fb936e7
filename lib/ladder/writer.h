// Packets of one rendition into its segments: cut where the grid says, numbered alike in all
// renditions, dated by the epoch's clock. Two packagings behind one interface: fMP4 in fragments of
// about half a second, and MPEG-TS with the sound muxed in. One thread.
#pragma once
#include <memory>
#include <string>

#include "av/packet.h"
#include "av/track.h"
#include "hls/rendition.h"
#include "ladder/types.h"

namespace stream::media {

// Times in kLadderBase for pictures, in 1/sample_rate for sound.
struct CodedUnit {
  av::Packet packet;     // `dts` as MPEG-TS wants it: never above `pts`
  int64_t fmp4_dts = 0;  // what fragments say: the same in all rungs
  int64_t segment = 0;
};

class SegmentWriter {
 public:
  // `event` is told of trouble with the disk. Throws as hls::Rendition does.
  static std::unique_ptr<SegmentWriter> make(const hls::RenditionOptions& options,
                                             const std::string& name, EventSink event);
  virtual ~SegmentWriter() = default;

  // A new stretch; what was open is ended first. `sound` is the track that is muxed in (TS only).
  virtual void begin(const av::Track& track, const av::Track* sound, EpochPtr epoch) = 0;
  // In decoding order. `last_duration` of end() is that of the last one.
  virtual void add(CodedUnit unit) = 0;
  virtual void add_sound(av::Packet) {}  // after begin() only
  virtual void end() = 0;
  // Segment `n` of `epoch` is past and was not made: a gap takes its place.
  void skip_until(const Epoch& epoch, int64_t n);
  // ENDLIST.
  void finish();

  hls::Rendition& rendition() { return rendition_; }
  const std::string& codecs() const { return codecs_; }
  void set_nominal_duration(int64_t ticks) { nominal_duration_ = ticks; }

 protected:
  SegmentWriter(const hls::RenditionOptions& options, std::string name, EventSink event);
  void describe(const av::Track& track);
  // Numbers and discontinuities of a new epoch; `time_base` is that of the rendition's times.
  void start_epoch(EpochPtr epoch, Rational time_base);
  void open(int64_t segment);
  void close(int64_t start);  // publishes; `start` in the rendition's time base
  void check(bool written);   // reports when the disk refuses, and when it does no more

  hls::Rendition rendition_;
  const Nanoseconds segment_;
  const std::string directory_, name_;
  std::string codecs_;
  EventSink event_;
  EpochPtr epoch_;
  Rational base_{1, 90000};
  int64_t nominal_duration_ = 3000;
  int64_t open_segment_ = -1;
  uint64_t lost_ = 0;  // segments the disk refused in a row
};

}  // namespace stream::media

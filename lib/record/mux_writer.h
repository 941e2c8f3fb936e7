// Matroska, WebM and MPEG-TS, as libavformat writes them, into a GrowingFile: clusters and packets
// are complete at each write(), so that the file plays after a crash; Matroska gets its duration
// and its index when it is finished.
#pragma once
#include <optional>
#include <vector>

#include "av/output.h"
#include "record/growing_file.h"
#include "record/writer.h"

namespace stream::media {

class MuxWriter : public Writer {
 public:
  MuxWriter(Container container, const av::Tracks& tracks);

  void reconfigure(const av::Track& track, int index) override;
  bool has_samples(int track) const override { return state(track).last_dts != kNoTime; }
  bool takes(int) const override { return true; }
  bool due(const av::Packet& packet) const override;
  bool add(const av::Packet& packet) override;
  bool empty() const override { return packets_.empty(); }
  size_t held() const override { return packets_.size(); }
  Nanoseconds first_held() const override { return first_held_; }

  void create(const std::string& path, const RecordingFileOptions& options) override;
  bool created() const override { return output_.has_value(); }
  Result write() override;
  int finish() override;

  const std::string& path() const override { return file_->path(); }
  std::shared_ptr<os::Fd> descriptor() const override { return file_->descriptor(); }
  uint64_t size() const override { return file_ ? file_->end() : 0; }
  Nanoseconds duration() const override;
  uint64_t samples(int track) const override { return state(track).samples; }
  std::string codec_string(int track) const override;

 private:
  struct State {
    av::Track track;
    int64_t last_dts = kNoTime, last_duration = 0;
    uint64_t samples = 0;
  };
  struct Piece {  // what the container wrote, not yet in the file
    uint64_t at;
    std::vector<uint8_t> bytes;
  };
  const State& state(int track) const { return states_.at(static_cast<size_t>(track)); }
  Nanoseconds time(const av::Packet& packet, int64_t ticks) const;
  void take(Bytes bytes);
  int drain();

  Container container_;
  std::vector<State> states_;
  std::vector<av::Packet> packets_;
  uint64_t packet_bytes_ = 0, keys_ = 0;
  Nanoseconds first_held_{}, base_{}, end_{};

  std::unique_ptr<GrowingFile> file_;
  std::vector<Piece> pieces_;
  uint64_t position_ = 0;
  std::optional<av::Output> output_;  // goes first: it may still write
};

}  // namespace stream::media

// MP4 that plays after a crash at any instant: a Fragmenter in front of a RecordingFile.
#pragma once
#include <optional>

#include "record/fragmenter.h"
#include "record/writer.h"

namespace stream::media {

class Mp4Writer : public Writer {
 public:
  explicit Mp4Writer(const av::Tracks& tracks) : fragmenter_(tracks) {}

  void reconfigure(const av::Track& track, int index) override {
    fragmenter_.reconfigure(track, index);
  }
  bool has_samples(int track) const override { return fragmenter_.has_samples(track); }
  bool takes(int track) const override {
    return !file_ || file_->has_track(static_cast<uint32_t>(track + 1));
  }
  bool due(const av::Packet& packet) const override { return fragmenter_.due(packet); }
  bool add(const av::Packet& packet) override { return fragmenter_.add(packet); }
  bool empty() const override { return fragmenter_.empty(); }
  size_t held() const override { return fragmenter_.held(); }
  Nanoseconds first_held() const override { return fragmenter_.first_held(); }

  void create(const std::string& path, const RecordingFileOptions& options) override;
  bool created() const override { return file_.has_value(); }
  Result write() override;
  int finish() override { return file_->finish(); }

  const std::string& path() const override { return file_->path(); }
  std::shared_ptr<os::Fd> descriptor() const override { return file_->descriptor(); }
  uint64_t size() const override { return file_ ? file_->size() : 0; }
  Nanoseconds duration() const override { return file_ ? file_->duration() : Nanoseconds(0); }
  uint64_t samples(int track) const override;
  std::string codec_string(int track) const override;

 private:
  std::optional<size_t> index_of(int track) const;  // in the file's table

  Fragmenter fragmenter_;
  std::optional<RecordingFile> file_;
};

}  // namespace stream::media

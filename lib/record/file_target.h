// Packets into one new file, which has another name until it is whole and never takes the place of
// one that is there. Sound that the container can't hold is encoded anew. One thread.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "encode/sound_converter.h"
#include "record/writer.h"

namespace stream::media {

struct CopyResult {
  Nanoseconds duration{};
  uint64_t bytes = 0, packets = 0;
  bool damaged = false;  // something of the source could not be read
};

class FileTarget {
 public:
  // Throws Error "record.exists", kUnsupported for tracks that the container can't hold.
  FileTarget(std::string path, Container container, const av::Tracks& tracks,
             RecordingFileOptions options = {});
  ~FileTarget();  // what was not finished goes
  FileTarget(const FileTarget&) = delete;

  void add(av::Packet packet);
  // Throws Error "record.empty" when there was nothing to write, what writing throws.
  CopyResult finish();

 private:
  void put(const av::Packet& packet);
  void flush();

  const std::string path_, part_;
  const RecordingFileOptions options_;
  av::Tracks tracks_;
  std::vector<std::unique_ptr<SoundConverter>> converters_;
  std::unique_ptr<Writer> writer_;
  uint64_t packets_ = 0;
  bool made_ = false;
};

}  // namespace stream::media

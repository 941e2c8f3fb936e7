// A media file as several MP4 files, none larger than a limit, each of which begins with a keyframe
// and plays by itself; together they hold every packet of it once. It is read twice: to find where
// to cut, and to write the parts one at a time, so that no more than one need be on the disk.
// Nothing is encoded but sound that MP4 can't hold. The same file gives the same parts, byte for
// byte. One thread.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "record/file_source.h"
#include "record/file_target.h"

namespace stream::media {

struct SplitPart {
  Nanoseconds from{}, to{};  // of the file's own time from its start on
  uint64_t packets = 0;      // of the file's
  uint64_t bytes = 0;        // at most
};

class FileSplit {
 public:
  // Throws Error kUnsupported "record.group" when the pictures from one keyframe to the next are
  // larger than `max_bytes`, and what opening and FileTarget throw. `progress`: of media read,
  // twice in all; throws to stop.
  FileSplit(std::string path, uint64_t max_bytes,
            std::function<void(uint64_t bytes)> progress = nullptr);

  const std::vector<SplitPart>& parts() const { return parts_; }
  const av::Tracks& tracks() const { return source_->tracks(); }

  // Writes the next part, from the first on. Throws Error kInputDamaged "record.changed" when the
  // file is not what it was.
  CopyResult write_next(const std::string& output);

 private:
  void plan(uint64_t max_bytes);
  std::optional<av::Packet> read();

  const std::string path_;
  const std::function<void(uint64_t bytes)> progress_;
  uint64_t read_ = 0;
  std::unique_ptr<FileSource> source_;
  std::vector<SplitPart> parts_;
  size_t next_ = 0;
};

}  // namespace stream::media

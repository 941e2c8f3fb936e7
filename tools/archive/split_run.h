// The MP4 parts of a media file, by `stream-record split`: planned at once, made one at a time when
// they are asked for, so that no more than one need be on the disk. One thread.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "os/fd.h"
#include "program.h"

namespace stream::archive {

class SplitRun {
 public:
  struct Part {
    std::string path;  // in the folder
    Nanoseconds from{}, to{};
  };

  // `folder` is made, and goes with this; `limit` of bytes in a part. Throws what the program ends
  // with when the file can't be split, and "program.absent", "archive.stopped".
  SplitRun(std::string file, uint64_t limit, std::string folder, control::Service& service);
  ~SplitRun();

  const std::vector<Part>& parts() const { return parts_; }
  int width() const { return width_; }  // 0: no pictures
  int height() const { return height_; }

  // Makes the next part, from the first on.
  void make_next();

 private:
  ProgramRun run() const;
  void take_plan(const control::Json& event);

  const std::string file_, folder_;
  const uint64_t limit_;
  control::Service& service_;
  std::vector<Part> parts_;
  int width_ = 0, height_ = 0;
  size_t asked_ = 0, made_ = 0;
  os::Fd asks_;
  std::optional<Program> program_;  // while parts are made
};

}  // namespace stream::archive

// Recordings made anew from files, without encoding what need not be: into another container, what
// can be saved of a damaged one, several as one, a part of one. The result appears when it is
// whole; nothing is ever overwritten. One thread.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "record/file_target.h"

namespace stream::media {

struct CopyOptions {
  Container container = Container::kMp4;
  // Of the first file; the part begins with the keyframe before `from` and ends before `to`.
  std::optional<Nanoseconds> from, to;
  bool exact = false;                            // begins at `from` itself: see ExactCut
  std::function<void(uint64_t bytes)> progress;  // of media read; throws to stop
};

// Throws Error: "record.exists" when the output does, "record.different" when files to be joined
// have other codecs, "record.empty" when nothing is left to write, "input.open", "output.format".
CopyResult copy_files(const std::vector<std::string>& inputs, const std::string& output,
                      const CopyOptions& options);

}  // namespace stream::media

// What the files of a recording are called: a directory, or a pattern of strftime(3) in UTC. A
// taken name gets -2, -3 and so on. Pure but for looking whether a name is taken.
#pragma once
#include <string>

#include "base/time.h"
#include "record/writer.h"

namespace stream::media {

class FileNames {
 public:
  // `output` is a directory, or a pattern: it has a % or ends like a media file. `name` begins the
  // files in a directory, `part` ("-audio") ends all. Throws Error kUsage "usage.value" for a
  // pattern that strftime does not know.
  FileNames(const std::string& output, std::string name, Container container,
            std::string part = {});

  // Where the manifest is; every file is in it or beneath it.
  const std::string& directory() const { return directory_; }
  // The first free path for a file that starts at `time`, from the nth on (1: the plain name).
  std::string path(std::chrono::system_clock::time_point time, int& n) const;
  // How the files in directory() that are just being made begin, for sweep_recordings(); empty when
  // that is not known.
  const std::string& prefix() const { return prefix_; }

 private:
  std::string directory_, pattern_, part_, suffix_, prefix_;
};

// The container that `output` asks for by its end; `otherwise` for a directory.
Container container_for(const std::string& output, Container otherwise);
// True when `output` names files, not a directory for them.
bool is_file_pattern(const std::string& output);

}  // namespace stream::media

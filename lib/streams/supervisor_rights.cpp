// Who may see the stream: written beside what viewers get, before there is anything to get.
#include <set>

#include "base/log.h"
#include "streams/supervisor.h"

namespace stream::streams {
namespace {

// Where stream-serve looks for them: ours, which plays WebRTC without a ladder too, and others. Of
// a stream without a directory it reads the manifest.
std::set<std::string> rights_directories(const File& file) {
  std::set<std::string> out;
  if (const std::string output = hls_output(file); !output.empty()) out.insert(output);
  const Part* serve = file.find("serve");
  if (serve && serve->find("hls")) out.insert(absolute_path(file.name, serve->value("hls")));
  return out;
}

}  // namespace

void Supervisor::take_rights(const std::optional<manifest::Rights>& before) {
  rights_ = file_.visibility;
  if (!rights_ && before) rights_ = manifest::Rights();  // as if it had never been said
  if (rights_directories(file_).empty()) rights_.reset();
}

// False: what is not for everybody could be seen.
bool Supervisor::keep_rights(Nanoseconds now) {
  if (!rights_) return true;
  const bool open = rights_->for_everybody();
  if (now < rights_next_) return open;
  rights_next_ = now + std::chrono::seconds(1);
  try {
    for (const std::string& directory : rights_directories(file_))
      manifest::save_rights(directory, *rights_);
    rights_.reset();
    return true;
  } catch (const Error& e) {
    log::error("the rights of '" + file_.name + "' could not be written: " + e.what() +
               (open ? "" : "; until they are, nothing of it is shown"));
  }
  return open;
}

}  // namespace stream::streams

// Who may see the stream: written beside what viewers get, before there is anything to get.
#include "base/log.h"
#include "streams/supervisor.h"

namespace stream::streams {

void Supervisor::take_rights(const std::optional<manifest::Rights>& before) {
  rights_ = file_.visibility;
  if (!rights_ && before) rights_ = manifest::Rights();  // as if it had never been said
  if (!file_.find("ladder")) rights_.reset();
}

// False: what is not for everybody could be seen.
bool Supervisor::keep_rights(Nanoseconds now) {
  if (!rights_) return true;
  const bool open = rights_->for_everybody();
  if (now < rights_next_) return open;
  rights_next_ = now + std::chrono::seconds(1);
  try {
    manifest::save_rights(file_.find("ladder")->value("output"), *rights_);
    rights_.reset();
    return true;
  } catch (const Error& e) {
    log::error("the rights of '" + file_.name + "' could not be written: " + e.what() +
               (open ? "" : "; until they are, stream-ladder is not started"));
  }
  return open;
}

}  // namespace stream::streams

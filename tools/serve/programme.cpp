#include "programme.h"

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "os/dirs.h"
#include "streams/coming.h"

namespace stream::serve {

namespace {

constexpr Nanoseconds kFresh = std::chrono::seconds(5);
constexpr size_t kMost = 1000;

}  // namespace

std::vector<ProgrammeEntry> Programme::entries() const {
  const Nanoseconds now = monotonic_now();
  if (read_ == Nanoseconds(0) || now - read_ > kFresh) {
    entries_ = read();
    read_ = now;
  }
  return entries_;
}

std::vector<ProgrammeEntry> Programme::read() const {
  std::vector<ProgrammeEntry> found;
  manifest::FileStore store(os::state_dir());
  for (const std::string& name : store.folders()) {
    if (!is_stream_name(name) || found.size() == kMost) continue;
    try {
      const auto stream = manifest::load_stream(store, name);
      if (!stream || stream->group != group_) continue;
      const streams::File file = streams::file_of(*stream);
      const streams::Coming coming = streams::coming_of(*stream, file);
      ProgrammeEntry entry{name, stream->title, {}, {}, {}};
      entry.rights = file.visibility.value_or(manifest::Rights());
      if (coming.session) {
        entry.coming = coming.when;
        entry.start = coming.session->start;
      }
      found.push_back(std::move(entry));
    } catch (const Error& e) {
      log::debug(e.what());
    }
  }
  return found;
}

}  // namespace stream::serve

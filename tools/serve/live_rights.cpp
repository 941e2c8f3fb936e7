#include "live_rights.h"

#include "base/error.h"
#include "base/log.h"
#include "manifest/stream.h"
#include "os/dirs.h"
#include "streams/file.h"

namespace stream::serve {
namespace {

constexpr Nanoseconds kRightsFresh = std::chrono::seconds(1);
constexpr size_t kMostKnown = 1000;

std::optional<manifest::Rights> rights_of_file(const std::string& stream) {
  try {
    manifest::FileStore store(os::state_dir());
    const auto found = manifest::load_stream(store, stream);
    return found ? streams::file_of(*found).visibility : std::nullopt;
  } catch (const Error& e) {
    log::warning("who may watch " + stream + " can't be read, so nobody may: " + e.what());
    manifest::Rights nobody;
    nobody.is_public = false;
    return nobody;
  }
}

}  // namespace

std::optional<manifest::Rights> LiveRights::of(const std::string& stream) {
  const Nanoseconds now = monotonic_now();
  if (const auto one = known_.find(stream);
      one != known_.end() && now - one->second.at < kRightsFresh)
    return one->second.rights;
  if (known_.size() >= kMostKnown) known_.clear();  // names that somebody made up
  return (known_[stream] = {now, rights_of_file(stream)}).rights;
}

}  // namespace stream::serve

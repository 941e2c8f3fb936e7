// The streams that have a manifest, and the stream files that verbs are given.
#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "manifest/stream.h"
#include "os/child.h"
#include "os/fd.h"
#include "os/file_lock.h"
#include "streams/file.h"

namespace stream::ctl {

constexpr std::chrono::milliseconds kLookAtManifest{50};  // between two looks at a manifest

manifest::FileStore store();
std::optional<manifest::Stream> find_stream(const std::string& name);
// Throws Error kNotRunning "stream.absent".
manifest::Stream known_stream(const std::string& name);
std::vector<manifest::Stream> known_streams();

// Where a FILE|NAME leads: a file when there is one of that name or it looks like a path, else the
// stream that was applied under that name.
struct Given {
  streams::File file;
  std::string path;  // absolute; empty for a name
};
Given read_given(const std::string& text);

// Whoever changes a stream holds this, `stream-ctl up` for its whole life. Throws kLocked
// "lock.held".
os::FileLock stream_lock(const std::string& name);
// Whether stream-ctl up runs it.
bool supervised(const std::string& name);

// STATE/NAME/ctl.log, the messages of one that was started in the background.
std::string log_of(const std::string& name);
os::Fd open_log(const std::string& name);  // to append; none when it can't be had, errno says why
// stream-ctl up with that option, where no terminal ends it; it ends at once with 15 when another
// is at it.
os::Child spawn_up(const Given& given, const std::string& option);

// A manifest of the file: the one that is there with its history, or a new one.
manifest::Stream manifest_of(const Given& given);

}  // namespace stream::ctl

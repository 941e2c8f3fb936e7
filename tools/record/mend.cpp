#include "mend.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <functional>

#include "base/error.h"
#include "base/log.h"
#include "crypto/encoding.h"
#include "crypto/hash.h"
#include "manifest/recording.h"
#include "os/fd.h"
#include "record/file_source.h"

namespace stream::record {

namespace {

constexpr char kReason[] = "the recorder died";

std::string checksum(const os::Fd& fd) {
  crypto::Sha256 hash;
  std::vector<uint8_t> piece(256 << 10);
  for (;;) {
    const ssize_t n = ::read(fd.get(), piece.data(), piece.size());
    if (n < 0) return {};
    if (n == 0) return crypto::hex(hash.finish());
    hash.add(Bytes(piece.data(), static_cast<size_t>(n)));
  }
}

// False when a recorder still writes it.
bool mend(const std::string& directory, manifest::RecordingFile& file, bool checksums) {
  const std::string path = directory + "/" + file.path;
  const os::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (fd && ::flock(fd.get(), LOCK_SH | LOCK_NB) != 0) return false;
  file.complete = false;
  file.reason = kReason;
  file.ended = file.started;
  if (!fd || ::fstat(fd.get(), &info) != 0) return true;  // gone
  file.bytes = static_cast<uint64_t>(info.st_size);
  const auto written = std::chrono::system_clock::from_time_t(info.st_mtime);
  if (const auto summary = media::summarize_mp4(path)) {
    file.duration = summary->duration;
    for (size_t i = 0; i < std::min(summary->samples.size(), file.tracks.size()); ++i)
      file.tracks[i].samples = summary->samples[i];
  } else {
    file.duration = std::max<Nanoseconds>(written - file.started, Nanoseconds(0));
  }
  file.ended =
      file.started + std::chrono::duration_cast<manifest::WallTime::duration>(file.duration);
  if (checksums) file.sha256 = checksum(fd);
  return true;
}

bool mend(const std::string& directory, manifest::Recording& recording, bool checksums) {
  manifest::WallTime end = recording.started;
  for (manifest::RecordingFile& file : recording.files) {
    if (!file.ended && !mend(directory, file, checksums)) return false;
    end = std::max(end, file.ended.value_or(end));
  }
  for (manifest::RecordingSession& session : recording.sessions) {
    if (session.ended) continue;
    session.ended = end;
    session.reason = kReason;
  }
  recording.state = "finished";
  recording.reason = kReason;
  recording.ended = end;
  return true;
}

std::vector<std::string> mend_some(const std::string& directory, const std::string& prefix,
                                   bool checksums,
                                   const std::function<bool(const manifest::Recording&)>& wanted) {
  manifest::FileStore store(directory);
  std::vector<std::string> mended;
  for (const std::string& key : store.list("")) {
    if (!key.starts_with(prefix)) continue;
    try {
      const auto document = store.load(key);
      if (!document || !document->is_object() ||
          document->value("schema", "") != "stream.recording/1")
        continue;
      manifest::Recording recording = manifest::recording_from_json(*document);
      if (recording.state == "finished" || !wanted(recording) ||
          !mend(directory, recording, checksums))
        continue;
      store.save(key, manifest::to_json(recording), true);
      mended.push_back(key);
    } catch (const std::exception& error) {
      log::warning(std::string("a manifest stays as it is: ") + error.what());
    }
  }
  return mended;
}

}  // namespace

std::vector<std::string> mend_manifests(const std::string& directory, const std::string& prefix,
                                        const std::string& stream) {
  return mend_some(directory, prefix, false, [&](const manifest::Recording& recording) {
    return recording.stream == stream && std::any_of(recording.files.begin(), recording.files.end(),
                                                     [](const auto& file) { return !file.ended; });
  });
}

std::vector<std::string> mend_manifests(const std::string& directory) {
  return mend_some(directory, {}, true, [](const manifest::Recording&) { return true; });
}

}  // namespace stream::record

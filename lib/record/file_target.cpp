#include "record/file_target.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/error.h"

namespace stream::media {

FileTarget::FileTarget(std::string path, Container container, const av::Tracks& tracks,
                       RecordingFileOptions options)
    : path_(std::move(path)),
      part_(path_ + ".part"),
      options_(std::move(options)),
      tracks_(tracks) {
  if (::access(path_.c_str(), F_OK) == 0)
    throw Error(Exit::kNo, "record.exists", path_ + " exists and is not overwritten",
                "choose another name with -o");
  for (av::Track& track : tracks_) {
    converters_.emplace_back();
    if (track.type != av::MediaType::kAudio) continue;
    const std::string codec = sound_for(container, track.codec);
    if (codec.empty()) continue;
    converters_.back() = std::make_unique<SoundConverter>(track, codec);
    track = converters_.back()->track();
  }
  writer_ = make_writer(container, tracks_);
}

FileTarget::~FileTarget() {
  writer_.reset();
  if (made_) ::unlink(part_.c_str());
}

void FileTarget::add(av::Packet packet) {
  auto& converter = converters_[static_cast<size_t>(packet.track)];
  if (!converter) return put(packet);
  for (const av::Packet& piece : converter->convert(packet)) put(piece);
}

CopyResult FileTarget::finish() {
  for (const auto& converter : converters_) {
    if (!converter) continue;
    for (const av::Packet& piece : converter->finish()) put(piece);
  }
  flush();
  if (!writer_->created())
    throw Error(Exit::kInputDamaged, "record.empty", "nothing could be written to " + path_,
                "check the source with ffprobe");
  if (const int error = writer_->finish()) throw_errno("write", path_, error);
  CopyResult result;
  result.duration = writer_->duration();
  result.bytes = writer_->size();
  result.packets = packets_;
  if (::renameat2(AT_FDCWD, part_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE) != 0)
    throw_errno("write", path_, errno);
  made_ = false;
  return result;
}

void FileTarget::put(const av::Packet& packet) {
  if (writer_->due(packet)) flush();
  packets_ += writer_->add(packet);
}

void FileTarget::flush() {
  if (writer_->empty()) return;
  if (!writer_->created()) {
    ::unlink(part_.c_str());  // of an earlier run that died
    writer_->create(part_, options_);
    made_ = true;
  }
  const Writer::Result result = writer_->write();
  if (result.error != 0) throw_errno("write", path_, result.error);
}

}  // namespace stream::media

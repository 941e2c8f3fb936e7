#include "record/mp4_writer.h"

namespace stream::media {

void Mp4Writer::create(const std::string& path, const RecordingFileOptions& options) {
  fragmenter_.runs();  // fixes the file's start
  file_.emplace(path, fragmenter_.configs(), fragmenter_.origin(), options);
}

Writer::Result Mp4Writer::write() {
  const Result result = file_->write(fragmenter_.runs());
  fragmenter_.clear();
  return result;
}

std::optional<size_t> Mp4Writer::index_of(int track) const {
  const auto& tracks = file_->samples().tracks();
  for (size_t i = 0; i < tracks.size(); ++i) {
    if (tracks[i].id == static_cast<uint32_t>(track + 1)) return i;
  }
  return std::nullopt;
}

uint64_t Mp4Writer::samples(int track) const {
  const auto index = index_of(track);
  return index ? file_->samples().samples(*index) : 0;
}

std::string Mp4Writer::codec_string(int track) const {
  const auto index = index_of(track);
  return index ? file_->samples().tracks()[*index].codec.rfc6381 : std::string();
}

}  // namespace stream::media

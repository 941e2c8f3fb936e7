#include "cut.h"

#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/progress.h"
#include "record/file_split.h"

namespace stream::archive {
namespace {

namespace fs = std::filesystem;

// The stream and when it was: what stands in front of each caption.
std::string title_of(const Deposit& d) {
  std::string date = rfc3339(d.started).substr(0, 16);
  date[10] = ' ';
  return (d.stream.empty() ? d.id : d.stream) + ", " + date + " UTC";
}

bool is_picture_or_index(const std::string& name) {
  const std::string type = content_type_of(name);
  return type == "image/jpeg" || type == "text/vtt";
}

void add_shape(const av::Tracks& tracks, const media::SplitPart& part, DepositFile& file) {
  const auto length = std::chrono::ceil<std::chrono::seconds>(part.to - part.from).count();
  file.metadata["duration"] = std::to_string(length);
  for (const av::Track& track : tracks) {
    if (track.type != av::MediaType::kVideo || track.width <= 0 || track.height <= 0) continue;
    file.metadata["width"] = std::to_string(track.width);
    file.metadata["height"] = std::to_string(track.height);
    return;
  }
}

struct Piece {
  DepositFile file;
  bool is_media = false;
  std::string when;  // of a part of a file
};

void add_parts(const DepositFile& source, uint64_t limit, const std::string& scratch,
               std::vector<Piece>& out) {
  const auto split = std::make_shared<media::FileSplit>(source.local, limit);
  const bool whole = split->parts().size() == 1;
  const fs::path name(source.name);
  const size_t first = out.size();
  for (size_t i = 0; i < split->parts().size(); ++i) {
    const media::SplitPart& part = split->parts()[i];
    char number[32];
    std::snprintf(number, sizeof number, "-part-%03zu", i + 1);
    Piece piece;
    piece.is_media = true;
    piece.file.name = (name.parent_path() / name.stem()).string() + (whole ? "" : number) + ".mp4";
    piece.file.local = scratch + "-" + std::to_string(first + i) + ".mp4";
    piece.file.make = [split, local = piece.file.local] {
      ::unlink(local.c_str());  // of a run that was killed
      split->write_next(local);
    };
    if (!whole)
      piece.when = " (" + cli::clock_text(part.from) + "-" + cli::clock_text(part.to) + ")";
    add_shape(split->tracks(), part, piece.file);
    out.push_back(std::move(piece));
  }
}

}  // namespace

std::vector<DepositFile> cut_for_chat(const Deposit& d, uint64_t limit,
                                      const std::string& scratch) {
  std::vector<Piece> pieces;
  for (const DepositFile& file : d.files) {
    if (!d.manifest.is_null() && is_picture_or_index(file.name)) continue;  // thumbnails
    const uint64_t size = fs::file_size(file.local);
    const auto container = media::container_of(file.name);
    if (container && (size > limit || *container != media::Container::kMp4)) {
      const size_t before = pieces.size();
      try {
        add_parts(file, limit, scratch, pieces);
        continue;
      } catch (const Error& error) {
        pieces.resize(before);
        log::warning(std::string(error.what()) + "; it is sent in numbered pieces");
      }
    }
    Piece piece;
    piece.file = file;
    piece.is_media = container && size <= limit;
    if (size > limit) piece.file.metadata["parts"] = std::to_string((size + limit - 1) / limit);
    pieces.push_back(std::move(piece));
  }
  size_t all = 0, n = 0;
  for (const Piece& piece : pieces) all += piece.is_media;
  std::vector<DepositFile> out;
  for (Piece& piece : pieces) {
    std::string caption = title_of(d);
    if (piece.is_media && all > 1)
      caption += ", part " + std::to_string(++n) + " of " + std::to_string(all) + piece.when;
    piece.file.metadata["caption"] = caption;
    out.push_back(std::move(piece.file));
  }
  return out;
}

}  // namespace stream::archive

#include "cut.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/progress.h"
#include "split_run.h"

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

bool ends_in(const std::string& name, std::initializer_list<const char*> endings) {
  return std::any_of(endings.begin(), endings.end(),
                     [&](const char* ending) { return name.ends_with(ending); });
}

// Of what stream-record makes parts.
bool is_mp4(const std::string& name) {
  return ends_in(name, {".mp4", ".m4v", ".m4a", ".mov"});
}

bool is_recording(const std::string& name) {
  return is_mp4(name) || ends_in(name, {".mkv", ".mka", ".webm", ".ts"});
}

void add_shape(const SplitRun& split, const SplitRun::Part& part, DepositFile& file) {
  const auto length = std::chrono::ceil<std::chrono::seconds>(part.to - part.from).count();
  file.metadata["duration"] = std::to_string(length);
  if (split.width() <= 0 || split.height() <= 0) return;
  file.metadata["width"] = std::to_string(split.width());
  file.metadata["height"] = std::to_string(split.height());
}

struct Piece {
  DepositFile file;
  bool is_media = false;
  std::string when;  // of a part of a file
};

void add_parts(const DepositFile& source, uint64_t limit, const std::string& folder,
               control::Service& service, std::vector<Piece>& out) {
  const auto split = std::make_shared<SplitRun>(source.local, limit, folder, service);
  const bool whole = split->parts().size() == 1;
  const fs::path name(source.name);
  for (size_t i = 0; i < split->parts().size(); ++i) {
    const SplitRun::Part& part = split->parts()[i];
    char number[32];
    std::snprintf(number, sizeof number, "-part-%03zu", i + 1);
    Piece piece;
    piece.is_media = true;
    piece.file.name = (name.parent_path() / name.stem()).string() + (whole ? "" : number) + ".mp4";
    piece.file.local = part.path;
    piece.file.make = [split] { split->make_next(); };
    if (!whole)
      piece.when = " (" + cli::clock_text(part.from) + "-" + cli::clock_text(part.to) + ")";
    add_shape(*split, part, piece.file);
    out.push_back(std::move(piece));
  }
}

}  // namespace

std::vector<DepositFile> cut_for_chat(const Deposit& d, uint64_t limit, const std::string& scratch,
                                      control::Service& service) {
  std::vector<Piece> pieces;
  size_t folders = 0;
  for (const DepositFile& file : d.files) {
    if (!d.manifest.is_null() && is_picture_or_index(file.name)) continue;  // thumbnails
    const uint64_t size = fs::file_size(file.local);
    const bool is_media = is_recording(file.name);
    if (is_media && (size > limit || !is_mp4(file.name))) {
      const size_t before = pieces.size();
      try {
        add_parts(file, limit, scratch + "-" + std::to_string(folders++), service, pieces);
        continue;
      } catch (const Error& error) {
        if (error.id() == "archive.stopped" || error.id() == "program.absent") throw;
        pieces.resize(before);
        log::warning(std::string(error.what()) + "; it is sent in numbered pieces");
      }
    }
    Piece piece;
    piece.file = file;
    piece.is_media = is_media && size <= limit;
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

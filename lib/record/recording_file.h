// One MP4 file that can be played after a crash at any instant. While it grows it is fragmented:
//   [ftyp][free: reserved area][moov][moof mdat][moof mdat]...
// finish() turns it into an ordinary indexed one in place: the whole index goes into the reserved
// area, the rest of the file becomes one mdat, and a single 4-byte write lets readers see it:
//   [ftyp][free of 8 bytes][free][moov][mdat: all that was there before]
// No second copy of the media is made. When the index does not fit, the area is grown by moving
// extents (fallocate INSERT_RANGE); where the file system can't, the index goes behind the media.
// One thread.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "mp4/fragment.h"
#include "mp4/sample_table.h"
#include "record/growing_file.h"

namespace stream::media {

struct RecordingFileOptions {
  uint64_t reserved = 1 << 20;  // for the index: about 20 minutes of 30 fps with sound
  bool may_insert = true;       // false: as on a file system without INSERT_RANGE
  OnChange on_change;           // tests
};

// The reserved area for a recording of known length.
uint64_t reserved_for(Nanoseconds duration);

class RecordingFile {
 public:
  // `path` must not exist and appears when the file can be played. `origin` as in SampleTable.
  // Throws Error naming the path, "record.exists" when it is taken; nothing stays then. The
  // descriptor is shared so that another thread may sync it.
  RecordingFile(std::string path, std::vector<mp4::TrackConfig> tracks, Nanoseconds origin,
                RecordingFileOptions options = {});
  // Without finish() the file stays fragmented: playable, but not indexed.
  RecordingFile(const RecordingFile&) = delete;
  RecordingFile& operator=(const RecordingFile&) = delete;

  struct Result {
    bool written = false;  // the whole fragment is in the file; otherwise nothing of it is
    int error = 0;         // ENOSPC with `written`: it was the last that fits, now finish()
  };
  // One fragment with one writev(). Runs of tracks that the file does not have are left out.
  Result write(std::span<const mp4::TrackRun> runs);
  // The index. 0 or the errno that kept the file fragmented. Nothing may be written afterwards.
  int finish();

  const std::string& path() const { return file_.path(); }
  const std::shared_ptr<os::Fd>& descriptor() const { return file_.descriptor(); }
  bool has_track(uint32_t id) const;
  const mp4::SampleTable& samples() const { return table_; }
  uint64_t size() const { return file_.end(); }
  Nanoseconds duration() const { return table_.duration(); }
  bool indexed() const { return indexed_; }

 private:
  int write_head();
  int keep_whole(size_t head);
  bool fits(uint64_t moov) const;
  int grow(uint64_t area);
  int index_in_front(const std::vector<uint8_t>& moov);
  int index_behind();
  void release_spare(uint64_t from, uint64_t to);

  RecordingFileOptions options_;
  GrowingFile file_;
  mp4::SampleTable table_;
  uint64_t area_at_ = 0, area_ = 0;  // the leading free box
  uint64_t largest_ = 64 << 10;      // fragment so far
  uint64_t shift_ = 0;               // by how much the media moved since it was written
  uint32_t sequence_ = 0;
  bool indexed_ = false;
};

}  // namespace stream::media

#include "record/recording_file.h"

#include <fcntl.h>
#include <sys/statfs.h>

#include <algorithm>
#include <cerrno>

#include "base/error.h"
#include "mp4/box.h"

namespace stream::media {

namespace {

constexpr uint64_t kBlock = 4096, kBoxHeader = 8, kMdatHeader = 16;

uint64_t align_up(uint64_t value, uint64_t to) {
  return (value + to - 1) / to * to;
}

std::vector<uint8_t> box_header(uint32_t size, std::string_view type) {
  ByteWriter out;
  out.u32(size);
  out.text(type);
  return out.take();
}

std::vector<uint8_t> mdat_header(uint64_t size) {
  ByteWriter out;
  out.u32(1);
  out.text("mdat");
  out.u64(size);
  return out.take();
}

}  // namespace

uint64_t reserved_for(Nanoseconds duration) {
  const auto seconds =
      static_cast<uint64_t>(std::max<int64_t>(duration.count() / 1'000'000'000, 0));
  return std::clamp<uint64_t>((64 << 10) + seconds * 1200, 64 << 10, 64 << 20);
}

RecordingFile::RecordingFile(std::string path, std::vector<mp4::TrackConfig> tracks,
                             Nanoseconds origin, RecordingFileOptions options)
    : options_(std::move(options)),
      file_(std::move(path), options_.on_change),
      table_(std::move(tracks), origin) {
  int error = write_head();
  if (error == 0) error = file_.publish();
  if (error == EEXIST) {
    throw Error(Exit::kNo, "record.exists", this->path() + " exists and is not overwritten");
  }
  if (error != 0) {
    throw_errno("write", this->path(), error,
                is_full(error) ? "free some space or choose another directory with -o" : "");
  }
}

int RecordingFile::write_head() {
  const std::vector<uint8_t> type = mp4::file_type(), moov = mp4::fragmented_moov(table_.tracks());
  area_at_ = type.size();
  area_ = align_up(area_at_ + std::max<uint64_t>(options_.reserved, 4 * kBlock), kBlock) - area_at_;
  // The blocks of the area are held from now on: a full disk can't keep the index out.
  int error = file_.allocate(FALLOC_FL_KEEP_SIZE, 0, area_at_ + area_ + moov.size());
  if (error != 0 && error != EOPNOTSUPP) return error;
  ByteWriter head;
  head.bytes(type);
  head.bytes(box_header(static_cast<uint32_t>(area_), "free"));
  if (!file_.may_allocate()) head.zeros(static_cast<size_t>(area_) - 8);
  error = file_.put(0, head.view());
  return error != 0 ? error : file_.put(area_at_ + area_, moov);
}

bool RecordingFile::has_track(uint32_t id) const {
  const auto& tracks = table_.tracks();
  return std::any_of(tracks.begin(), tracks.end(),
                     [&](const mp4::TrackConfig& t) { return t.id == id; });
}

RecordingFile::Result RecordingFile::write(std::span<const mp4::TrackRun> runs) {
  std::vector<mp4::TrackRun> ours;
  std::vector<size_t> indices;
  for (const mp4::TrackRun& run : runs) {
    for (size_t i = 0; i < table_.tracks().size(); ++i) {
      if (table_.tracks()[i].id != run.track_id || run.samples.empty()) continue;
      ours.push_back(run);
      indices.push_back(i);
    }
  }
  if (ours.empty()) return {true, 0};
  const mp4::Fragment fragment = mp4::make_fragment(++sequence_, ours);
  const uint64_t size = fragment.size + 2 * kBlock;  // with what keep_whole() leaves free
  largest_ = std::max(largest_, size);
  const uint64_t moov = table_.moov_bound();
  const int room = file_.make_room(size, largest_ + (fits(moov) ? 0 : moov));
  if (room != 0) {
    const uint64_t index = fits(moov) ? 0 : moov + 4096;
    if (file_.end() + size + index > file_.held()) return {false, room};
  }
  if (const int error = keep_whole(fragment.header.size())) return {false, error};
  const uint64_t at = file_.end();
  if (const int error = file_.append(fragment.header, fragment.payload)) return {false, error};
  for (size_t i = 0; i < ours.size(); ++i) {
    table_.add_run(indices[i], ours[i].samples, at + fragment.run_offsets[i]);
  }
  return {true, room};
}

// A head that lies in one page is on the disk whole or not at all after a power cut: with the half
// of one FFmpeg opens nothing of the file. What is left of the page before it becomes a free box.
int RecordingFile::keep_whole(size_t head) {
  const uint64_t at = file_.end(), left = align_up(at, kBlock) - at;
  if (head > kBlock || head <= left || left == 0) return 0;
  const uint64_t pad = left < kBoxHeader ? left + kBlock : left;
  if (const int error = file_.put(at, box_header(static_cast<uint32_t>(pad), "free"))) return error;
  file_.set_end(at + pad);
  return 0;
}

// Room for [free of 8][free pad][moov][mdat header]; a pad of 1 to 7 bytes can't be expressed.
bool RecordingFile::fits(uint64_t moov) const {
  const uint64_t need = 8 + moov + kMdatHeader;
  return area_ == need || area_ >= need + 8;
}

int RecordingFile::finish() {
  std::vector<uint8_t> moov = table_.moov();
  if (!fits(moov.size()) && options_.may_insert && grow(8 + moov.size() + kMdatHeader + 8) == 0) {
    moov = table_.moov(static_cast<int64_t>(shift_));
  }
  const int error = fits(moov.size()) ? index_in_front(moov) : index_behind();
  if (error == 0) indexed_ = true;
  file_.release_tail();
  return error;
}

// Makes the area at least `wanted` bytes large. The file is valid after each call: the header
// written first is what the old, too small size of the area leads to once the bytes behind it have
// moved.
int RecordingFile::grow(uint64_t wanted) {
  struct statfs info {};
  if (::fstatfs(file_.descriptor()->get(), &info) != 0) return errno;
  const uint64_t block = std::max<uint64_t>(static_cast<uint64_t>(info.f_bsize), kBlock);
  const uint64_t first = align_up(area_at_ + 16, block);
  if (const int error = file_.release_tail()) return error;  // spare blocks need not move
  while (area_ < wanted) {
    const uint64_t area_end = area_at_ + area_;
    if (area_end < first + 2 * block) return ENOTSUP;
    const uint64_t half = (area_end - first) / 2 / block * block;
    const uint64_t n = std::min(align_up(wanted - area_, block), half);
    if (area_ + n > UINT32_MAX) return EFBIG;
    const auto spare = box_header(static_cast<uint32_t>(n), "free");
    if (const int error = file_.put(area_end - n, spare)) return error;
    if (const int error = file_.sync()) return error;  // a power cut must not keep the move alone
    if (const int error = file_.allocate(FALLOC_FL_INSERT_RANGE, first, n)) return error;
    area_ += n;
    file_.set_end(file_.end() + n);
    shift_ += n;
    const auto area = box_header(static_cast<uint32_t>(area_), "free");
    if (const int error = file_.put(area_at_, area)) return error;
    if (const int error = file_.allocate(FALLOC_FL_KEEP_SIZE, first, n)) return error;
  }
  return 0;
}

int RecordingFile::index_in_front(const std::vector<uint8_t>& moov) {
  const uint64_t area_end = area_at_ + area_, mdat_at = area_end - kMdatHeader,
                 moov_at = mdat_at - moov.size();
  ByteWriter front;
  front.bytes(moov);
  front.bytes(mdat_header(file_.end() - mdat_at));
  int error = 0;
  if (const uint64_t pad = moov_at - (area_at_ + 8)) {
    error = file_.put(area_at_ + 8, box_header(static_cast<uint32_t>(pad), "free"));
  }
  if (error == 0) error = file_.put(moov_at, front.view());
  if (error == 0) error = file_.sync();
  if (error != 0) return error;
  error = file_.put(
      area_at_, Bytes(box_header(8, "free")).first(4));  // the moment it becomes an indexed file
  if (error == 0) error = file_.sync();
  if (error == 0) release_spare(area_at_ + 16, moov_at);
  return error;
}

int RecordingFile::index_behind() {
  const uint64_t index_at = file_.end();
  const std::vector<uint8_t> moov = table_.moov(static_cast<int64_t>(shift_));
  int error = file_.put(index_at, moov);
  if (error == 0) error = file_.sync();
  if (error != 0) {
    file_.set_end(index_at);
    file_.release_tail();
    return error;
  }
  // Inside one sector, as the area starts within the first: all or nothing.
  error = file_.put(area_at_, mdat_header(index_at - area_at_));
  if (error == 0) error = file_.sync();
  return error;
}

// The pad in front of the index need not take space.
void RecordingFile::release_spare(uint64_t from, uint64_t to) {
  from = align_up(from, kBlock);
  to = to / kBlock * kBlock;
  if (from < to) file_.allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, from, to - from);
}

}  // namespace stream::media

#include "hls/rendition.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cmath>

#include "base/error.h"
#include "hls/leftovers.h"
#include "os/atomic_file.h"
#include "os/gather.h"

namespace stream::hls {

namespace {

constexpr char kPlaylistName[] = "playlist.m3u8";
constexpr size_t kMinListed = 3;  // 6.2.2: never fewer than three target durations

// EXTINF is compared with it after rounding (4.4.3.1).
int target_seconds(Nanoseconds longest) {
  return std::max(1,
                  static_cast<int>(std::llround(std::chrono::duration<double>(longest).count())));
}

}  // namespace

Rendition::Rendition(RenditionOptions options) : options_(std::move(options)) {
  std::error_code error;
  std::filesystem::create_directories(options_.directory, error);
  if (error || ::access(options_.directory.c_str(), W_OK | X_OK) != 0) {
    throw_errno("write to", options_.directory.string(), error ? error.value() : errno,
                "give -o a directory that this user may write to");
  }
  playlist_.target_seconds = target_seconds(options_.segment);
  resume();
  if (options_.vod) options_.window = Nanoseconds(0);
  playlist_.type = options_.vod                   ? PlaylistType::kVod
                   : options_.window.count() == 0 ? PlaylistType::kEvent
                                                  : PlaylistType::kLive;
  playlist_.independent = options_.independent;
}

Rendition::~Rendition() {
  if (is_open_) ::unlink(path(open_.uri + kAside).c_str());
}

// Takes the playlist on the disk as the state to go on from.
void Rendition::resume() {
  Leftovers left = scan_leftovers(options_.directory);
  init_number_ = left.last_init;
  const std::optional<MediaPlaylist> old = read_own_playlist(path(kPlaylistName));
  if (!old) {
    restart_after(left.last_segment);
  } else if (old->ended) {  // that presentation is over: its successor shares nothing but the count
    restart_after(std::max(left.last_segment, old->media_sequence + old->segments.size() - 1));
    playlist_.discontinuity_sequence = old->discontinuity_sequence + 1;
    for (const Segment& segment : old->segments)
      playlist_.discontinuity_sequence += segment.discontinuity;
  } else {
    const int target = std::max(old->target_seconds, playlist_.target_seconds);
    playlist_ = *old;
    playlist_.target_seconds = target;
    resumed_ = discontinuity_ = true;
    for (Segment& segment : playlist_.segments) {
      struct stat info {};
      if (::stat(path(segment.uri).c_str(), &info) != 0)
        segment.gap = true;
      else
        segment.bytes = static_cast<uint64_t>(info.st_size);
      count_rates(segment);
    }
    if (!playlist_.segments.empty()) map_ = playlist_.segments.back().map;
    if (!map_.empty()) init_ = read_bytes(path(map_));
    if (init_.empty()) map_.clear();
  }
  durable_first_ = playlist_.media_sequence;
  // Clients of the process before may still be reading what it delisted last.
  const uint64_t grace = playlist_.segments.size() + 3;
  for (const uint64_t number : left.segments) {
    if (resumed_ && number < playlist_.media_sequence &&
        number + grace >= playlist_.media_sequence) {
      Segment segment;
      segment.uri = segment_name(number, options_.format);
      retire(segment, number);
    } else if (!resumed_ || number < playlist_.media_sequence || number >= next_sequence()) {
      remove_segment(options_.directory, number);
    }
  }
  sweep(options_.directory, left, playlist_, !retired_.empty());
}

void Rendition::restart_after(uint64_t last_number) {
  playlist_.media_sequence = last_number + 1;
}

uint64_t Rendition::next_sequence() const {
  return playlist_.media_sequence + playlist_.segments.size();
}

bool Rendition::begin_init(Bytes init) {
  assert(!is_open_);
  if (std::equal(init.begin(), init.end(), init_.begin(), init_.end()) && !map_.empty())
    return true;
  if (!init_.empty() && !playlist_.segments.empty()) discontinuity_ = true;
  init_.assign(init.begin(), init.end());
  map_.clear();
  return write_init();
}

bool Rendition::write_init() {
  const std::string name = init_name(init_number_ + 1);
  try {
    os::write_file(path(name), init_, os::Sync::kNo);
  } catch (const Error& e) {
    error_ = e.what();
    return false;
  }
  ++init_number_;
  map_ = name;
  return true;
}

bool Rendition::open_segment() {
  open_ = Segment();
  open_.uri = segment_name(next_sequence(), options_.format);
  open_bytes_ = 0;
  is_open_ = true;
  lost_ = false;
  if (map_.empty() && !init_.empty() && !write_init()) {
    lose_segment(error_);
    return false;
  }
  open_.map = map_;
  const std::string name = path(open_.uri + kAside);
  file_ = os::Fd(::open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!file_) lose_segment("cannot create " + name + ": " + errno_text(errno));
  return !lost_;
}

void Rendition::lose_segment(std::string reason) {
  error_ = std::move(reason);
  lost_ = true;
  file_.reset();
  ::unlink(path(open_.uri + kAside).c_str());
}

bool Rendition::write_part(Bytes head, std::span<const Buffer> payload) {
  os::Written written = os::write_gather(file_.get(), head, payload);
  if (written.error == ENOSPC && remove_retired(true)) {
    written.error = os::write_gather(file_.get(), head, payload, written.bytes).error;
  }
  if (written.error != 0) {
    lose_segment("cannot write " + path(open_.uri) + ": " + errno_text(written.error));
    return false;
  }
  return true;
}

bool Rendition::add_part(Bytes head, std::span<const Buffer> payload, Nanoseconds duration,
                         bool independent) {
  if (!is_open_) open_segment();
  Part part;
  part.duration = duration;
  part.independent = independent;
  part.offset = open_bytes_;
  part.size = head.size();
  for (const Buffer& buffer : payload) part.size += buffer.size();
  open_.duration += duration;
  if (lost_ || !write_part(head, payload)) return false;
  open_bytes_ += part.size;
  open_.parts.push_back(part);
  return true;
}

bool Rendition::end_segment(WallTime start) {
  if (!is_open_) return true;
  is_open_ = false;
  file_.reset();
  if (!lost_ && ::rename(path(open_.uri + kAside).c_str(), path(open_.uri).c_str()) != 0) {
    lose_segment("cannot rename " + path(open_.uri) + ": " + errno_text(errno));
  }
  const bool lost = lost_;
  if (lost) {
    ++gaps_;
    open_.gap = true;
    open_.parts.clear();
    open_bytes_ = 0;
    if (open_.map.empty() && !playlist_.segments.empty()) open_.map = playlist_.segments.back().map;
  }
  open_.bytes = open_bytes_;
  open_.date = start;
  open_.discontinuity = discontinuity_ && !playlist_.segments.empty();
  discontinuity_ = false;
  // An honest value is worth more than a constant one; who packages chooses `segment` so that this
  // stays idle.
  playlist_.target_seconds = std::max(playlist_.target_seconds, target_seconds(open_.duration));
  clock_ += open_.duration;
  count_rates(open_);
  playlist_.segments.push_back(std::move(open_));
  trim_window();
  return write_playlist() && !lost;
}

bool Rendition::align(uint64_t sequence, Nanoseconds duration) {
  assert(!is_open_);
  if (next_sequence() >= sequence) return true;
  if (playlist_.segments.empty()) {
    playlist_.media_sequence = durable_first_ = sequence;
    return true;
  }
  while (next_sequence() < sequence) {
    Segment gap;
    gap.uri = segment_name(next_sequence(), options_.format);
    gap.map = playlist_.segments.back().map;
    gap.duration = duration;
    gap.gap = true;
    if (const auto& before = playlist_.segments.back(); before.date) {
      gap.date = *before.date + std::chrono::duration_cast<WallTime::duration>(before.duration);
    }
    clock_ += duration;
    count_rates(gap);
    playlist_.segments.push_back(std::move(gap));
  }
  trim_window();
  return write_playlist();
}

bool Rendition::start_at(uint64_t sequence, uint64_t discontinuities, Nanoseconds gap) {
  if (playlist_.segments.empty()) playlist_.discontinuity_sequence = discontinuities;
  return align(sequence, gap);
}

uint64_t Rendition::discontinuities() const {
  uint64_t count = playlist_.discontinuity_sequence;
  for (const Segment& segment : playlist_.segments) count += segment.discontinuity;
  return count + (discontinuity_ && !playlist_.segments.empty());
}

bool Rendition::finish() {
  assert(!is_open_);
  playlist_.ended = true;
  return write_playlist();
}

bool Rendition::write_playlist() {
  if (options_.vod && !playlist_.ended) return true;
  const std::string text = to_text(playlist_);
  for (bool again = true;;) {
    try {
      os::write_file(path(kPlaylistName), text, os::Sync::kNo);
      break;
    } catch (const Error& e) {
      error_ = e.what();
      if (!again || !remove_retired(true)) return false;
      again = false;
    }
  }
  durable_first_ = playlist_.media_sequence;
  remove_retired(false);
  return true;
}

void Rendition::trim_window() {
  if (options_.window.count() == 0) return;
  Nanoseconds listed{};
  for (const Segment& segment : playlist_.segments) listed += segment.duration;
  size_t remove = 0;
  while (playlist_.segments.size() - remove > kMinListed) {
    const Segment& first = playlist_.segments[remove];
    const Nanoseconds rest = listed - first.duration;
    if (rest < options_.window ||
        rest < kMinListed * std::chrono::seconds(playlist_.target_seconds))
      break;
    retire(first, playlist_.media_sequence + remove);
    playlist_.discontinuity_sequence += first.discontinuity;
    listed = rest;
    ++remove;
  }
  playlist_.segments.erase(playlist_.segments.begin(),
                           playlist_.segments.begin() + static_cast<ptrdiff_t>(remove));
  playlist_.media_sequence += remove;
}

// 6.2.2: to be served for its own duration and that of the longest playlist that listed it; three
// target durations more for clients that are slow.
void Rendition::retire(const Segment& segment, uint64_t number) {
  const Nanoseconds target = std::chrono::seconds(playlist_.target_seconds);
  Nanoseconds listed{};
  for (const Segment& other : playlist_.segments) listed += other.duration;
  retired_.push_back({number, segment.uri, segment.map,
                      clock_ + listed + std::max(segment.duration, target) + 3 * target});
}

// Early: to make room. Never what the playlist on the disk still lists. True when something went.
bool Rendition::remove_retired(bool early) {
  const auto listed = [&](const std::string& map) {
    if (map == map_) return true;
    const auto same = [&](const auto& other) { return other.map == map; };
    return std::any_of(playlist_.segments.begin(), playlist_.segments.end(), same) ||
           std::any_of(retired_.begin(), retired_.end(), same);
  };
  bool removed = false;
  while (!retired_.empty() && retired_.front().number < durable_first_ &&
         (early || retired_.front().until <= clock_)) {
    const Retired gone = std::move(retired_.front());
    retired_.pop_front();
    removed |= ::unlink(path(gone.uri).c_str()) == 0;
    if (!gone.map.empty() && !listed(gone.map)) ::unlink(path(gone.map).c_str());
  }
  return removed;
}

void Rendition::count_rates(const Segment& segment) {
  if (segment.gap) return meter_.gap();
  meter_.add(segment.duration, segment.bytes, std::chrono::seconds(playlist_.target_seconds));
}

}  // namespace stream::hls

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "base/error.h"
#include "base/log.h"
#include "base/units.h"
#include "os/free_space.h"
#include "record/recorder.h"

namespace stream::media {

namespace {

constexpr Nanoseconds kRetry = std::chrono::seconds(1);
// A resumed file should be worth it: not a rain of tiny ones.
constexpr uint64_t kRoomToResume = 2 << 20;

uint64_t free_bytes(const std::string& directory) {
  return os::free_bytes(directory).value_or(0);
}

std::string too_full(uint64_t min_free) {
  return "less than " + to_text(ByteSize{min_free}) + " is free";
}

}  // namespace

// What is told of files counts for status().
FinisherEvents Recorder::counted(FinisherEvents events) {
  events.closed = [this, tell = std::move(events.closed)](const RecordedFile& file) {
    {
      std::lock_guard lock(mutex_);
      closed_time_ += file.duration;
      closed_bytes_ += file.bytes;
    }
    if (tell) tell(file);
  };
  return events;
}

// After an error: what is in the file stays good.
void Recorder::abandon() {
  try {
    end_file("the input broke");
    if (session_) {
      session_->ended = wall_now();
      session_->reason = "the input broke";
      finisher_.session(*std::exchange(session_, std::nullopt));
    }
  } catch (const std::exception& error) {
    log::error(error.what());
  }
}

// After the disk was full, a new file begins when there is room again.
bool Recorder::may_begin() {
  if (!stalled_) return true;
  const Nanoseconds now = monotonic_now();
  if (now < next_try_) return false;
  next_try_ = now + kRetry;
  const uint64_t room = options_.min_free + RecordingFileOptions().reserved +
                        reserved_for(options_.expected) + kRoomToResume;
  return free_bytes(names_.directory()) >= room;
}

// --min-free, looked at once a second.
bool Recorder::has_room() {
  if (options_.min_free == 0) return true;
  const Nanoseconds now = monotonic_now();
  if (now < next_look_) return true;
  next_look_ = now + kRetry;
  return free_bytes(names_.directory()) >= options_.min_free;
}

void Recorder::flush() {
  if (!writer_ || writer_->empty()) return;
  const size_t packets = writer_->held();
  Writer::Result result;
  if (writer_->created() || open_file()) {
    result = writer_->write();
    if (!result.written) dropped_ += packets;
    if (result.error != 0)
      stall(writer_->path(), errno_text(result.error));
    else if (!has_room())
      stall(writer_->path(), too_full(options_.min_free));
  } else {
    dropped_ += packets;
  }
}

bool Recorder::open_file() {
  info_.session = session_ ? session_->number : sessions_ + 1;
  info_.container = options_.container;
  // What is held came before now.
  const Nanoseconds held = std::max(now_media_ - writer_->first_held(), Nanoseconds(0));
  info_.started = wall_now() - std::chrono::duration_cast<WallTime::duration>(held);
  RecordingFileOptions options;
  options.may_insert = options_.may_insert;
  if (options_.expected.count() > 0) options.reserved = reserved_for(options_.expected);
  if (options_.split_time)
    options.reserved = std::min(options.reserved, reserved_for(*options_.split_time));
  if (options_.split_bytes)
    options.reserved =
        std::min(options.reserved, std::max<uint64_t>(*options_.split_bytes / 64, 64 << 10));
  try {
    if (files_ == 0 && !has_room())
      throw_errno("record into", names_.directory(), ENOSPC, too_full(options_.min_free));
    create_file(options);
  } catch (const Error& error) {
    if (files_ == 0) throw;  // the user hears at once that it can't work
    stall(info_.path, error.what());
    return false;
  }
  for (size_t i = 0; i < tracks_.size(); ++i) {
    const int index = static_cast<int>(i);
    if (writer_->takes(index))
      info_.tracks.push_back({tracks_[i], writer_->codec_string(index), 0, index});
  }
  ++files_;
  if (stalled_) {
    stalled_ = false;
    const Nanoseconds lost = std::max(now_media_ - stalled_at_, Nanoseconds(0));
    lost_ += lost;
    if (events_.resumed) events_.resumed(lost);
  }
  if (!session_) {
    session_ = RecordedSession{++sessions_, info_.started, {}, {}};
    if (events_.session_started) events_.session_started(*session_);
  }
  const std::filesystem::path path(info_.path);
  syncer_.watch(writer_->descriptor(),
                path.has_parent_path() ? path.parent_path().string() : std::string("."));
  if (events_.opened) events_.opened(info_);
  if (first_key_) {
    const auto track = static_cast<size_t>(first_key_->track);
    preview_ = std::make_unique<Thumbnails>(
        tracks_[track], std::filesystem::path(info_.path).replace_extension().string(),
        *options_.thumbnails);
    preview(*std::exchange(first_key_, std::nullopt));
  }
  tell_gap();
  return true;
}

void Recorder::create_file(const RecordingFileOptions& options) {
  for (int n = 1;; ++n) {
    info_.path = names_.path(info_.started, n);
    const auto parent = std::filesystem::path(info_.path).parent_path();
    std::error_code ignored;  // the creation of the file says why
    if (!parent.empty() && parent != names_.directory())
      std::filesystem::create_directories(parent, ignored);
    try {
      writer_->create(info_.path, options);
      return;
    } catch (const Error& error) {
      if (error.id() != "record.exists") throw;  // another recorder was faster
    }
  }
}

void Recorder::preview(const av::Packet& packet) {
  if (!options_.thumbnails || !packet.key) return;
  const auto track = static_cast<size_t>(packet.track);
  if (tracks_[track].type != av::MediaType::kVideo) return;
  const Nanoseconds shown(rescale(packet.pts, tracks_[track].time_base, kNanosecondBase));
  if (preview_)
    preview_->add(packet, std::max(shown - file_start_, Nanoseconds(0)));
  else if (!first_key_)
    first_key_ = packet;
}

void Recorder::tell_gap() {
  if (!gap_ || !writer_->created()) return;
  gap_->path = info_.path;
  gap_->at = std::max(now_media_ - file_start_, Nanoseconds(0));
  if (events_.gap) events_.gap(*gap_);
  gap_.reset();
}

void Recorder::close_file(const std::string& reason) {
  flush();
  end_file(reason);
}

void Recorder::end_file(const std::string& reason) {
  if (!writer_) return;
  first_key_.reset();
  if (writer_->created()) {
    syncer_.watch(nullptr);
    info_.ended = wall_now();
    info_.reason = reason;
    finisher_.file(std::move(writer_), std::move(info_), std::move(preview_));
  }
  info_ = RecordedFile();
  writer_ = make_writer(options_.container, tracks_);
}

void Recorder::end_session(const std::string& reason) {
  if (writer_) release_sound();
  close_file(reason);
  gap_.reset();
  started_.assign(tracks_.size(), false);
  picture_began_ = false;
  if (!session_) return;
  session_->ended = wall_now();
  session_->reason = reason;
  finisher_.session(*std::exchange(session_, std::nullopt));
}

// Media is lost from here on, until a new file can be opened.
void Recorder::stall(std::string path, const std::string& reason) {
  end_file(reason);
  finisher_.wait_closed();  // it gives back what it held
  if (!stalled_) stalled_at_ = now_media_;
  const bool first = !stalled_;
  stalled_ = true;
  started_.assign(tracks_.size(), false);
  next_try_ = monotonic_now() + kRetry;
  if (first && events_.stalled) events_.stalled(path, reason);
}

}  // namespace stream::media

#include "record/recorder.h"

#include <algorithm>

#include "base/error.h"
#include "base/units.h"
#include "codec/description.h"
#include "codec/nal.h"

namespace stream::media {

namespace {

// 32 MiB is 25 s of 10 Mbit/s: longer than any disk that will come back takes for a sync.
constexpr size_t kQueuePackets = 1 << 16, kQueueBytes = 32 << 20;
constexpr Nanoseconds kIdle = std::chrono::milliseconds(500);
// Media that goes back further than this begins a new file; less is one damaged packet.
constexpr Nanoseconds kStepBack = std::chrono::seconds(1);
// Live media that pauses for longer than this has a gap.
constexpr Nanoseconds kPause = std::chrono::seconds(2);
// For a keyframe before which sound waits.
constexpr Nanoseconds kSoundWaits = std::chrono::seconds(10);
// A split that has waited so long for a keyframe is told; the usual keyframe distances are shorter.
constexpr Nanoseconds kSplitWaits = std::chrono::seconds(5);
// What checksums may take of the 5 s in which a program ends.
constexpr Nanoseconds kChecksums = std::chrono::seconds(3);

bool has_video(const av::Tracks& tracks) {
  return std::any_of(tracks.begin(), tracks.end(),
                     [](const av::Track& t) { return t.type == av::MediaType::kVideo; });
}

bool same(const av::Track& a, const av::Track& b) {
  return a.type == b.type && a.codec == b.codec && a.time_base == b.time_base &&
         a.extradata == b.extradata && a.width == b.width && a.height == b.height &&
         a.sample_rate == b.sample_rate && a.channels == b.channels;
}

bool same(const av::Tracks& a, const av::Tracks& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const av::Track& x, const av::Track& y) { return same(x, y); });
}

WallTime wall(Nanoseconds monotonic) {
  return wall_now() - std::chrono::duration_cast<WallTime::duration>(monotonic_now() - monotonic);
}

}  // namespace

Recorder::Recorder(RecorderOptions options, RecorderEvents events)
    : options_(std::move(options)),
      events_(std::move(events)),
      names_(options_.output, options_.name, options_.container, options_.part),
      queue_(kQueuePackets, kQueueBytes),
      active_(!options_.standby),
      pre_roll_(options_.pre_roll),
      finisher_(counted(events_.finisher)),
      thread_([this] { run(); }) {
  if (!names_.prefix().empty()) sweep_recordings(names_.directory(), names_.prefix());
}

Recorder::~Recorder() {
  queue_.stop();
  if (thread_.joinable()) thread_.join();
}

void Recorder::set_tracks(const av::Tracks& tracks) {
  av::Tracks own;
  own_index_.clear();
  for (const av::Track& track : tracks) {
    const bool wanted = !options_.only || track.type == *options_.only;
    own_index_.push_back(wanted ? static_cast<int>(own.size()) : -1);
    if (wanted) own.push_back(track);
  }
  reader_has_video_ = has_video(own);
  skipping_ = false;
  queue_.push({std::make_shared<const av::Tracks>(std::move(own)), {}, {}});
}

bool Recorder::push(av::Packet packet) {
  if (packet.track < 0 || static_cast<size_t>(packet.track) >= own_index_.size()) return true;
  packet.track = own_index_[static_cast<size_t>(packet.track)];
  if (packet.track < 0) return true;
  const size_t cost = packet.data.size() + 256;
  Item item{nullptr, std::move(packet), monotonic_now()};
  if (options_.wait) return queue_.push(std::move(item), cost);
  if (skipping_ && reader_has_video_ && !item.packet.key) {
    ++dropped_;
    return true;
  }
  if (skipping_) {
    av::Mark mark = item.packet.mark ? *item.packet.mark : av::Mark();
    mark.discontinuity = true;
    item.packet.mark = std::make_shared<const av::Mark>(std::move(mark));
  }
  if (queue_.try_push(item, cost)) {
    skipping_ = false;
    return true;
  }
  skipping_ = true;
  ++dropped_;
  return !queue_.ended();
}

void Recorder::finish(const std::string& reason) {
  end_reason_ = reason;
  queue_.stop();
  if (thread_.joinable()) thread_.join();
  finisher_.finish(monotonic_now() + kChecksums);
  if (error_) std::rethrow_exception(error_);
}

RecorderStatus Recorder::status() const {
  std::lock_guard lock(mutex_);
  RecorderStatus status = status_;
  status.recorded += closed_time_;
  status.bytes += closed_bytes_;
  status.dropped_packets = dropped_;
  status.queued_packets = queue_.size();
  return status;
}

void Recorder::run() {
  try {
    while (true) {
      std::optional<Item> item = queue_.pop_for(kIdle);
      handle_request();
      if (!item) {
        idle();
        if (queue_.ended()) break;
      } else if (item->tracks) {
        take_tracks(*item->tracks);
      } else {
        notice_gap(item->packet, item->arrival);
        take(std::move(item->packet));
      }
      publish();
    }
    for (const auto& converter : converters_) {
      if (!converter || !active_) continue;
      for (av::Packet& packet : converter->finish()) place(std::move(packet));
    }
    end_session(end_reason_);
    publish();
  } catch (...) {
    error_ = std::current_exception();
    abandon();
    queue_.stop();
    if (events_.broken) events_.broken();
  }
}

// A source that pauses leaves nothing in memory, and one that is gone no file open.
void Recorder::idle() {
  flush();
  if (!options_.wait && session_ && last_arrival_ &&
      monotonic_now() - *last_arrival_ >= options_.gap)
    end_session("nothing came for longer than the gap allows");
}

void Recorder::handle_request() {
  const Request request = request_.exchange(kNone);
  if (request == kStop && active_) {
    end_session("stopped on request");
    active_ = false;
    started_.assign(tracks_.size(), false);
  }
  if (request == kStart && !active_) {
    active_ = true;
    for (av::Packet& packet : pre_roll_.take()) place(std::move(packet));
  }
}

void Recorder::take_tracks(const av::Tracks& tracks) {
  rejoined_ = writer_ != nullptr;
  if (writer_ && same(tracks, source_tracks_)) return;
  if (writer_) {
    for (const auto& converter : converters_) {
      if (!converter || !active_) continue;
      for (av::Packet& packet : converter->finish()) place(std::move(packet));
    }
    release_sound();
    close_file("the tracks changed");
  }
  pre_roll_.clear();
  source_tracks_ = tracks_ = tracks;
  converters_.clear();
  for (av::Track& track : tracks_) {
    converters_.emplace_back();
    if (track.type != av::MediaType::kAudio) continue;
    const std::string codec = sound_for(options_.container, track.codec);
    if (codec.empty()) continue;
    converters_.back() = std::make_unique<SoundConverter>(track, codec);
    track = converters_.back()->track();
  }
  started_.assign(tracks_.size(), false);
  waits_.assign(tracks_.size(), false);
  newest_.assign(tracks_.size(), Nanoseconds(0));
  writer_ = make_writer(options_.container, tracks_);
}

// A pause of live media, or another sitting of the publisher.
void Recorder::notice_gap(const av::Packet& packet, Nanoseconds arrival) {
  const Nanoseconds away = last_arrival_ ? arrival - *last_arrival_ : Nanoseconds(0);
  const std::string publication = packet.mark ? packet.mark->session : std::string();
  const bool another = !publication.empty() && !publication_.empty() && publication != publication_;
  if (!publication.empty()) publication_ = publication;
  if (!options_.wait && session_ && last_arrival_) {
    if (away >= options_.gap)
      end_session("nothing came for longer than the gap allows");
    else if (away >= kPause || another || rejoined_)
      gap_ = RecordedGap{session_->number, {}, {}, wall(*last_arrival_), wall(arrival)};
  }
  rejoined_ = false;
  last_arrival_ = arrival;
}

Nanoseconds Recorder::time_of(const av::Packet& packet) const {
  return Nanoseconds(
      rescale(packet.dts, tracks_[static_cast<size_t>(packet.track)].time_base, kNanosecondBase));
}

// Where a file may begin.
bool Recorder::is_start(const av::Packet& packet) const {
  if (!has_video(tracks_)) return true;
  return packet.key && tracks_[static_cast<size_t>(packet.track)].type == av::MediaType::kVideo;
}

// Pictures count from their first keyframe on; sound always, so that none is lost that comes
// before.
bool Recorder::decodable(const av::Packet& packet) const {
  const auto track = static_cast<size_t>(packet.track);
  return packet.key || started_[track] || tracks_[track].type != av::MediaType::kVideo;
}

void Recorder::take(av::Packet packet) {
  if (!writer_ || static_cast<size_t>(packet.track) >= tracks_.size()) return;
  std::vector<av::Packet> packets;
  if (auto& converter = converters_[static_cast<size_t>(packet.track)])
    packets = converter->convert(packet);
  else
    packets.push_back(std::move(packet));
  for (av::Packet& p : packets) {
    if (active_) {
      place(std::move(p));
      continue;
    }
    if (const Buffer parameters = new_parameters(p); !parameters.empty()) {
      pre_roll_.clear();
      reconfigure(p.track, parameters);
    }
    const Nanoseconds time = time_of(p);
    const bool start = is_start(p);
    pre_roll_.add(std::move(p), time, start);
  }
}

void Recorder::place(av::Packet packet) {
  if (const int error = syncer_.take_error(); error != 0 && writer_->created()) {
    flush();
    if (writer_->created()) stall(writer_->path(), errno_text(error));
  }
  const auto track = static_cast<size_t>(packet.track);
  const Nanoseconds now = time_of(packet);
  // Sound may come seconds behind its picture all along.
  if (writer_->has_samples(packet.track) && now < newest_[track] - kStepBack) {
    release_sound();
    close_file("the timeline began anew");
    started_.assign(tracks_.size(), false);
  }
  if (is_start(packet)) {
    release_sound();
    if (split_due(now)) {
      close_file(split_.exchange(false) ? "split on request" : "split");
    }
    last_group_bytes_ = std::exchange(group_bytes_, 0);
    last_key_ = now;
    split_late_.reset();
  } else {
    tell_late_split(now);
  }
  const Buffer parameters = new_parameters(packet);
  if (must_wait(packet, parameters)) {
    waits_[track] = true;
    waiting_sound_.push_back(std::move(packet));
    if (now - time_of(waiting_sound_.front()) > kSoundWaits) {
      release_sound();
      started_.assign(tracks_.size(), false);  // the next picture of the new file is a keyframe
    }
    return;
  }
  if (packet.mark && packet.mark->discontinuity) ++info_.discontinuities;
  if (!parameters.empty()) {
    if (writer_->has_samples(packet.track) || writer_->created())
      close_file("the codec's parameters changed");
    reconfigure(packet.track, parameters);
  }
  now_media_ = newest_[track] = now;
  if (writer_->created() && !writer_->takes(packet.track)) close_file("a track appeared");
  if (writer_->due(packet)) flush();
  const bool begins = !writer_->created() && writer_->empty();
  const bool of_use = decodable(packet);
  if (!of_use || (begins && !may_begin())) {
    if (of_use || picture_began_) ++dropped_;
    return;
  }
  started_[track] = true;
  picture_began_ |= tracks_[track].type == av::MediaType::kVideo;
  if (begins) file_start_ = now;
  group_bytes_ += packet.data.size();
  preview(packet);
  writer_->add(packet);  // what repeats a time is the source's fault and left out
  tell_gap();
}

bool Recorder::split_due(Nanoseconds now) const {
  if (!writer_->created()) return false;
  if (split_) return true;
  if (options_.split_time && now - file_start_ >= *options_.split_time) return true;
  // With the group of pictures that comes, which is about as large as the last one.
  return options_.split_bytes &&
         writer_->size() + group_bytes_ / 2 + std::max(group_bytes_, last_group_bytes_) >
             *options_.split_bytes;
}

// A file that began without a keyframe could not be played from its start: the split waits.
void Recorder::tell_late_split(Nanoseconds now) {
  if (told_late_split_ || !events_.split_late || !split_due(now)) return;
  if (!split_late_) split_late_ = now;
  if (now - *split_late_ < kSplitWaits) return;
  told_late_split_ = true;
  const std::string asked = split_ ? "the split on request"
                            : options_.split_time
                                ? "--split " + to_text(Duration{*options_.split_time})
                                : "--split " + to_text(ByteSize{*options_.split_bytes});
  events_.split_late({writer_->path(), asked, now - last_key_});
}

// Sound that the file can't take must not begin one in the middle of a group of pictures.
bool Recorder::must_wait(const av::Packet& packet, const Buffer& parameters) {
  const auto track = static_cast<size_t>(packet.track);
  if (waits_[track]) return true;
  if (tracks_[track].type == av::MediaType::kVideo || !has_video(tracks_)) return false;
  if (std::none_of(started_.begin(), started_.end(), [](bool s) { return s; })) return false;
  if (writer_->created() && !writer_->takes(packet.track)) return true;
  return !parameters.empty() && (writer_->has_samples(packet.track) || writer_->created());
}

void Recorder::release_sound() {
  if (waiting_sound_.empty()) return;
  close_file("the codec's parameters changed");
  waits_.assign(tracks_.size(), false);
  for (av::Packet& packet : std::exchange(waiting_sound_, {})) place(std::move(packet));
}

Buffer Recorder::new_parameters(const av::Packet& packet) const {
  const av::Track& track = tracks_[static_cast<size_t>(packet.track)];
  Buffer extradata = packet.mark ? packet.mark->extradata : Buffer();
  if (extradata.empty() && packet.key)
    extradata = codec::changed_in_band(track.codec, track.extradata, packet.data);
  return extradata == track.extradata ? Buffer() : extradata;
}

void Recorder::reconfigure(int index, const Buffer& parameters) {
  av::Track& track = tracks_[static_cast<size_t>(index)];
  track.extradata = parameters;
  if (const auto described = codec::describe(track.codec, parameters)) {
    if (described->width > 0) track.width = described->width;
    if (described->height > 0) track.height = described->height;
    if (described->sample_rate > 0) track.sample_rate = described->sample_rate;
    if (described->channels > 0) track.channels = described->channels;
  }
  source_tracks_[static_cast<size_t>(index)] = track;
  writer_->reconfigure(track, index);
}

void Recorder::publish() {
  std::lock_guard lock(mutex_);
  const bool open = writer_ && writer_->created();
  status_.path = open ? writer_->path() : "";
  status_.recorded = open ? writer_->duration() : Nanoseconds(0);
  status_.bytes = open ? writer_->size() : 0;
  status_.lost = lost_ + (stalled_ ? now_media_ - stalled_at_ : Nanoseconds(0));
  status_.files = files_;
  status_.session = session_ ? session_->number : 0;
  status_.stalled = stalled_;
  status_.active = active_;
}

}  // namespace stream::media

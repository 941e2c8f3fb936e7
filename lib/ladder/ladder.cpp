#include "ladder/ladder.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/error.h"
#include "base/log.h"
#include "base/units.h"
#include "codec/description.h"
#include "ladder/state.h"

namespace stream::media {
namespace {

// Sound that comes this much before the first picture does not wait for it any longer; a picture
// that stands still for so long is repeated.
constexpr int64_t kWaitForPicture = 3 * kLadderSecond;
constexpr Nanoseconds kStop = std::chrono::seconds(3);  // of the five that a stop may take
constexpr Nanoseconds kLook = std::chrono::milliseconds(100);
constexpr Nanoseconds kTellDropped = std::chrono::seconds(5);

double to_seconds(Nanoseconds t) {
  return std::chrono::duration<double>(t).count();
}

}  // namespace

Ladder::Ladder(LadderOptions options) : state_(std::make_unique<State>(std::move(options))) {}
Ladder::~Ladder() = default;

void Ladder::run(MediaInput& input) {
  State& s = *state_;
  std::deque<MediaInput::Item> first;
  s.tracks = input.tracks();
  if (!s.options.bus.empty()) s.bus = std::make_unique<LadderBus>(s.options.bus, s.options.event);
  s.on_tracks();
  if (s.options.spec.copies()) s.facts = examine(input, s.options.spec.segment, first);
  {
    std::lock_guard lock(s.mutex);
    s.feed = std::make_unique<LadderFeed>(input, s.options.on_slow, std::move(first));
  }
  if (s.stopping) s.feed->stop();
  std::exception_ptr error;
  try {
    s.work();
  } catch (...) {
    error = std::current_exception();
  }
  s.feed->stop();
  s.end();
  {
    std::lock_guard lock(s.mutex);
    s.status.live = s.feed->live();
    s.status.dropped = s.feed->dropped();
    s.feed.reset();  // it reads from `input`
  }
  if (error) std::rethrow_exception(error);
  if (!s.epoch && !s.stopping)
    throw Error(Exit::kInputDamaged, "input.empty",
                "the input ended before there was a picture or sound to decode");
}

void Ladder::stop() {
  state_->stopping = true;
  std::lock_guard lock(state_->mutex);
  for (State::Line& line : state_->lines) line.rung->hurry(monotonic_now() + kStop);
  if (state_->feed) state_->feed->stop();
}

LadderStatus Ladder::status() const {
  const State& s = *state_;
  std::lock_guard lock(s.mutex);
  LadderStatus status = s.status;
  for (const State::Line& line : s.lines) {
    status.rungs.push_back(line.rung->status());
    status.rungs.back().paused = line.paused;
  }
  if (s.sound) status.sound = s.sound->status();
  if (s.feed) {
    status.live = s.feed->live();
    status.backlog_seconds = to_seconds(s.feed->backlog());
    status.dropped = s.feed->dropped();
  }
  return status;
}

void Ladder::State::on_tracks() {
  video = first_track(tracks, av::MediaType::kVideo);
  audio = first_track(tracks, av::MediaType::kAudio);
  if (video < 0 && audio < 0) make_plan(options.spec, nullptr, nullptr);  // says so
  if (video >= 0) open_decoder();
  if (sound && audio >= 0) sound->push(SoundPath::Source{*audio_track()});
}

void Ladder::State::open_decoder() {
  if (decoder) damaged_before += decoder->dropped();
  decoder.emplace(*video_track(), std::clamp(options.cores / 2, 1, 4));
}

void Ladder::State::work() {
  while (auto item = feed->pop()) {
    if (auto* packet = std::get_if<av::Packet>(&*item)) {
      options.alive();
      on_packet(std::move(*packet));
    } else {
      drain_decoder();
      tracks = std::get<LadderFeed::NewTracks>(*item).tracks;
      on_tracks();
      epoch_pending = epoch != nullptr;
    }
  }
  if (stopping) return;
  drain_decoder();
  if (!epoch && !waiting_sound.empty()) start(Size{}, kNoTime);
}

void Ladder::State::on_packet(av::Packet packet) {
  if (packet.pts == kNoTime) packet.pts = packet.dts;
  if (packet.pts == kNoTime) return;
  if (packet.track == video)
    on_video(std::move(packet));
  else if (packet.track == audio)
    on_audio(std::move(packet));
}

void Ladder::State::on_audio(av::Packet packet) {
  const int64_t pts = ticks(packet.pts, audio);
  if (!epoch) {
    waiting_sound.push_back(std::move(packet));
    if (video < 0) return start(Size{}, kNoTime);
    const av::Track& v = *video_track();
    if (pts - ticks(waiting_sound.front().pts, audio) > kWaitForPicture && v.width > 0)
      start(square_size(v.width, v.height, v.sample_aspect), kNoTime);
    return;
  }
  if (packet.mark && !packet.mark->extradata.empty()) {
    tracks[static_cast<size_t>(audio)].extradata = packet.mark->extradata;
    if (sound) sound->push(SoundPath::Source{*audio_track()});
  }
  const bool breaks = packet.mark && (packet.mark->discontinuity || !packet.mark->session.empty());
  if (video < 0 && lines.empty() && (breaks || epoch_pending)) begin_epoch(pts, Size{});
  send_sound(std::move(packet));
  if (!lines.empty()) repeat_until(pts - kWaitForPicture);
  if (video < 0) look_at_load(pts);
}

void Ladder::State::send_sound(av::Packet packet) {
  if (!sound) return;
  packet.pts = rescale(ticks(packet.pts, audio), kLadderBase, audio_track()->time_base);
  sound->push(std::move(packet));
}

// True when the source's pictures begin anew with this packet.
bool Ladder::State::begins_anew(const av::Packet& packet) {
  if (!epoch) return false;
  bool anew = packet.key && std::exchange(clock_jumped, false);
  if (!packet.mark) return anew;
  const Buffer& config = packet.mark->extradata;
  const bool other = !config.empty() && !(config == video_track()->extradata);
  anew |= other || !packet.mark->session.empty() || (packet.mark->discontinuity && packet.key);
  // In the middle of a group of pictures only the clock has jumped: what follows is decoded from
  // what came before, so the group is finished first.
  clock_jumped |= packet.mark->discontinuity && !anew;
  return anew;
}

void Ladder::State::on_video(av::Packet packet) {
  int64_t pts = ticks(packet.pts, video);
  if (begins_anew(packet)) {
    drain_decoder();
    if (packet.mark && !packet.mark->extradata.empty())
      tracks[static_cast<size_t>(video)].extradata = packet.mark->extradata;
    open_decoder();
    epoch_pending = true;
  }
  // Copied packets go ahead of the pictures, so an epoch begins with them.
  if (packet.key && options.spec.copies() && (!epoch || (copying && epoch_pending))) {
    const av::Track& v = *video_track();
    Size size = square_size(v.width, v.height, v.sample_aspect);
    if (const auto d = codec::describe(v.codec, v.extradata); d && d->width > 0)
      size = square_size(d->width, d->height, d->sar);
    if (!epoch)
      start(size, pts);
    else
      begin_epoch(pts, size);
    pts = ticks(packet.pts, video);
  }
  if (copying && !epoch_pending) copy_packet(packet, pts);
  decoder->send(packet);
  receive_frames();
}

void Ladder::State::drain_decoder() {
  if (!decoder) return;
  decoder->finish();
  receive_frames();
}

void Ladder::State::receive_frames() {
  while (auto frame = decoder->receive()) on_frame(std::move(*frame));
}

void Ladder::State::on_frame(av::Frame frame) {
  if (frame.pts() == kNoTime) return;
  const Size size = square_size(frame.width(), frame.height(), frame.sample_aspect());
  if (!epoch) start(size, ticks(frame.pts(), video));
  const int64_t pts = ticks(frame.pts(), video);
  if ((epoch_pending && pts >= epoch_from) || !(size == source_size)) begin_epoch(pts, size);
  for (const int64_t again : clock.repeats(pts)) emit(last_picture ? last_picture : frame, again);
  if (clock.wants(pts))
    emit(frame, pts);
  else
    grid->passed(pts);
  last_picture = std::move(frame);
  look_at_load(pts);
}

// The picture stands still while everything else has come to `pts`.
void Ladder::State::repeat_until(int64_t pts) {
  if (!last_picture || epoch_pending) return;
  for (const int64_t again : clock.repeats(pts)) emit(last_picture, again);
}

void Ladder::State::emit(av::Frame frame, int64_t pts) {
  const bool first = grid->index(pts) != segment || !clock.any();
  segment = grid->index(pts);
  frame.set_pts(pts);
  if (first) {  // rungs are paused and resumed between segments only
    int pause = shedder.paused();
    std::lock_guard lock(mutex);
    for (Line& line : lines) line.paused = !line.planned.copied && pause-- > 0;
  }
  std::vector<bool> wanted;
  for (const Line& line : lines) wanted.push_back(!line.planned.copied && !line.paused);
  std::vector<av::Frame> made = cascade->scale(frame, wanted);
  for (size_t i = 0; i < lines.size(); i++) emit_rung(lines[i], std::move(made[i]), first);
  clock.took(pts);
  grid->passed(pts);
  if (first && sound) sound->push(SoundPath::Progress{pts, false});
  std::lock_guard lock(mutex);
  status.pictures++;
}

void Ladder::State::emit_rung(Line& line, av::Frame frame, bool first) {
  if (line.planned.copied) return;
  if (line.paused) {
    if (first && line.begun) line.rung->push(Skip{segment - 1});
    return;
  }
  if (!line.begun) begin_line(line, frame.bt601());
  line.rung->push(Picture{std::move(frame), segment});
}

// The keyframe that is due, and one more.
int64_t Ladder::State::copy_patience() const {
  return 2 * rescale(segment_length().count(), kNanosecondBase, kLadderBase) + kLadderSecond / 2;
}

void Ladder::State::tell_started(const PlannedRung& rung, const EventValue& reason) const {
  options.event("rung.started", {{"rung", rung.spec.name},
                                 {"width", static_cast<int64_t>(rung.width)},
                                 {"height", static_cast<int64_t>(rung.height)},
                                 {"bitrate_bps", rung.spec.bit_rate},
                                 {"reason", reason}});
}

// Segments of the copied rung can only be cut at the source's keyframes, which don't come.
void Ladder::State::stop_copying(int64_t pts) {
  const Nanoseconds since(rescale(pts - last_key, kLadderBase, kNanosecondBase));
  facts.keyframe_missed = true;
  const PlannedRung& rung = lines.front().planned;
  const std::string reason = "the source has sent no keyframe for " +
                             std::to_string(std::lround(to_seconds(since))) +
                             " s: encoded from here on, no longer copied; set the encoder's "
                             "keyframe interval to " +
                             to_text(Duration{options.spec.segment});
  log::warning("rung " + rung.spec.name + ": " + reason);
  tell_started(rung, reason);
  copying = false;
  epoch_pending = true;
  epoch_from = copied_end + 1;  // what was copied and is still being decoded belongs to the old one
}

void Ladder::State::copy_packet(const av::Packet& packet, int64_t pts) {
  if (packet.key) {
    last_key = pts;
    grid->keyframe(pts);
    copied_segment = grid->index(pts);
  } else if (pts > copied_end && pts - last_key > copy_patience()) {
    stop_copying(pts);
    return;
  }
  if (copied_segment < 0) return;
  copied_end = std::max(copied_end, pts);
  Coded coded{packet, copied_segment};
  coded.packet.track = 0;
  coded.packet.pts = pts;
  coded.packet.dts = std::min(pts, ticks(packet.dts == kNoTime ? packet.pts : packet.dts, video));
  lines.front().rung->push(std::move(coded));
}

void Ladder::State::look_at_load(int64_t pts) {
  const Nanoseconds now = monotonic_now();
  if (now - looked < kLook) return;
  looked = now;
  const Nanoseconds backlog = feed->backlog();
  const Nanoseconds position(rescale(pts, kLadderBase, kNanosecondBase));
  const auto change = shedder.look({now, backlog, feed->idle(), position, feed->live()});
  clock.halve(shedder.half_rate());
  if (change != Shedder::Change::kNone) tell_load(change, backlog);
  const uint64_t dropped = feed->dropped();
  if (dropped != dropped_told && now - told_dropped > kTellDropped) {
    options.event("picture.dropped", {{"count", static_cast<int64_t>(dropped - dropped_told)},
                                      {"delay_seconds", to_seconds(backlog)}});
    dropped_told = dropped;
    told_dropped = now;
  }
  std::lock_guard lock(mutex);
  status.position_seconds = to_seconds(position);
  status.speed = shedder.speed();
  status.shed_step = shedder.step();
  status.epoch = epoch ? epoch->number : 0;
  status.damaged = damaged_before + (decoder ? decoder->dropped() : 0);
  status.left_out = clock.left_out();
}

void Ladder::State::tell_load(Shedder::Change change, Nanoseconds backlog) {
  // The rung that the others wait for: the one with the fullest queue, the largest of these.
  const Line* slow = nullptr;
  for (const Line& line : lines)
    if (!line.planned.copied && !line.paused &&
        (!slow || line.rung->queued() > slow->rung->queued()))
      slow = &line;
  const std::string name = slow ? slow->rung->name() : "audio";
  const int step = shedder.step();
  const std::string action = step == 0   ? "all pictures, all rungs"
                             : step == 1 ? "every second picture is left out"
                                         : "every second picture is left out and the largest " +
                                               std::to_string(step - 1) + " rung(s) are paused";
  const bool more = change == Shedder::Change::kMore;
  log::write(more ? log::Level::kWarning : log::Level::kInfo,
             std::string(more ? "behind real time" : "time to spare") + ": " + action);
  options.event(more ? "rung.slow" : "rung.recovered",
                {{"rung", name},
                 {"speed", shedder.speed()},
                 {"delay_seconds", to_seconds(backlog)},
                 {"action", std::string(step == 0   ? "none"
                                        : step == 1 ? "frames"
                                                    : "rung")}});
}

void Ladder::State::end() {
  if (sound) {
    if (clock.any() && !stopping) sound->push(SoundPath::Progress{clock.last(), true});
    sound->finish();
    if (muxes_sound()) sound->join();  // its last packets go to the rungs
  }
  for (Line& line : lines) line.rung->finish();
  for (Line& line : lines) line.rung->join();
  if (sound) sound->join();
  if (const std::string failure = in_files() ? master.finish() : ""; !failure.empty()) {
    options.event("file.failed", {{"path", (options.output / "master.m3u8").string()},
                                  {"reason", failure},
                                  {"error", "playlist.lost"}});
  }
  if (bus) bus->finish();
}

}  // namespace stream::media

#include <algorithm>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "ladder/state.h"

namespace stream::media {
namespace {

// Sound and picture that start further apart than this keep their distance: the picture is shown
// from the beginning, or silence fills in.
constexpr int64_t kSameStart = kLadderSecond / 2;

}  // namespace

std::optional<hls::RenditionOptions> Ladder::State::files(const std::string& name) const {
  if (!in_files()) return std::nullopt;
  hls::RenditionOptions o;
  o.directory = options.output / name;
  o.format = options.spec.format;
  o.segment = segment_length();
  o.window = options.spec.window;
  o.vod = options.spec.vod;
  return o;
}

Nanoseconds Ladder::State::segment_length() const {
  return status.plan ? status.plan->segment : options.spec.segment;
}

Plan Ladder::State::plan_for(Size size) const {
  av::Track picture;
  const av::Track* v = video_track();
  if (v && size.width > 0) {
    picture = *v;
    picture.width = size.width;
    picture.height = size.height;
    // make_plan() compares this with what can be copied: only square pixels can.
    if (v->sample_aspect == Rational{1, 1} || v->width != size.width)
      picture.sample_aspect = {1, 1};
    v = &picture;
  }
  return make_plan(options.spec, v, audio_track(), facts, options.cores);
}

// A wrong preset or a missing device is a mistake to be told at once, not a rung that never comes.
void Ladder::State::check_encoders(const Plan& plan) const {
  std::set<std::string> checked;
  for (const PlannedRung& r : plan.rungs) {
    const RungSpec& s = r.spec;
    if (r.copied ||
        !checked.insert(s.encoder + "," + s.preset + "," + s.tune + "," + s.profile).second)
      continue;
    av::VideoEncoding o;
    o.encoder = s.encoder;
    o.preset = s.preset;
    o.tune = s.tune;
    o.profile = s.profile;
    o.low_delay = s.low_delay;
    o.width = 320;
    o.height = 180;
    o.bit_rate = 200'000;
    av::Encoder probe(o);
  }
}

// The first picture or sound is there: everything is made, numbered alike, and begun.
void Ladder::State::start(Size size, int64_t first_picture) {
  const int64_t first_sound =
      waiting_sound.empty() ? kNoTime : ticks(waiting_sound.front().pts, audio);
  int64_t origin = first_picture == kNoTime ? first_sound : first_picture;
  if (first_sound != kNoTime && origin - first_sound > kSameStart) origin = first_sound;
  const av::Track* v = video_track();
  const double rate = v && v->frame_rate.known() ? v->frame_rate.value() : 30;
  shift = std::max<int64_t>(0, static_cast<int64_t>(kReorder * kLadderSecond / rate) - origin);
  begin_epoch(origin + shift, size);
  for (av::Packet& packet : waiting_sound) send_sound(std::move(packet));
  waiting_sound.clear();
}

void Ladder::State::begin_epoch(int64_t origin, Size size) {
  const Plan plan = plan_for(size);
  if (!epoch) {
    if (!in_files() && plan.rungs.empty())
      throw Error(Exit::kInputDamaged, "input.empty",
                  "the input has no picture, so there is no rung to put on the bus",
                  "say -o DIR as well: sound alone is made as HLS");
    check_encoders(plan);
    options.planned(plan);
    for (const LeftOut& l : plan.left_out)
      options.event("rung.left_out", {{"rung", l.name},
                                      {"width", std::monostate{}},
                                      {"height", std::monostate{}},
                                      {"bitrate_bps", std::monostate{}},
                                      {"reason", l.reason}});
    std::lock_guard lock(mutex);
    status.plan = plan;
  }
  const bool resized = !(size == source_size);
  source_size = size;
  take_plan(plan);
  if (plan.has_audio) add_sound();

  auto next = std::make_shared<Epoch>();
  next->origin = origin;
  next->anchor = options.date.value_or(wall_now());
  if (epoch) {
    const int64_t last = grid->regular() ? std::max(segment, grid->index(origin - 1)) : segment;
    next->number = epoch->number + 1;
    next->base_sequence = epoch->base_sequence + static_cast<uint64_t>(last + 1);
    next->discontinuity = true;
    const Nanoseconds since(rescale(origin - epoch->origin, kLadderBase, kNanosecondBase));
    const auto media_clock =
        epoch->anchor + std::chrono::duration_cast<hls::WallTime::duration>(since);
    next->anchor = options.date ? media_clock : std::max(next->anchor, media_clock);
    log::info("discontinuity: the source changed");
    options.event("media.discontinuity",
                  {{"track", std::monostate{}},
                   {"reason", std::string(resized ? "parameters" : "session")},
                   {"gap_seconds", std::monostate{}}});
  } else {
    next->base_sequence = 1;
  }
  number_renditions(*next);
  epoch = next;
  epoch_pending = false;
  epoch_from = copied_end = INT64_MIN;
  segment = -1;
  copied_segment = -1;
  last_key = origin;
  const Grid::Leader leader = lines.empty() ? Grid::Leader::kClock
                              : copying     ? Grid::Leader::kKeyframes
                                            : Grid::Leader::kPicture;
  const int64_t length = rescale(options.spec.segment.count(), kNanosecondBase, kLadderBase);
  grid = std::make_shared<Grid>(origin, length, leader);
  if (sound) sound->push(SoundPath::Begin{epoch, grid});
  const Rational rate = plan.frame_rate;
  const av::Track* v = video_track();
  clock.start(
      grid, rate,
      v && !copying && (!v->frame_rate.known() || v->frame_rate.value() > kMaxFrameRate + 0.5));
  for (Line& line : lines) line.begun = false;
  if (copying) begin_line(lines.front(), false);
}

// After a crash renditions may be a segment apart; they go on from the one that came furthest.
// Those that are new start at the same number and count of discontinuities as the others.
void Ladder::State::number_renditions(Epoch& next) {
  const auto each = [this](auto&& visit) {
    for (Line& line : lines)
      if (hls::Rendition* one = line.rung->rendition()) visit(*one, line.fresh);
    if (hls::Rendition* one = sound ? sound->rendition() : nullptr) visit(*one, fresh_sound);
  };
  if (epoch)
    discontinuities++;
  else
    each([&](const hls::Rendition& one, bool) {
      next.base_sequence = std::max(next.base_sequence, one.next_sequence());
      discontinuities = std::max(discontinuities, one.discontinuities());
    });
  each([&](hls::Rendition& one, bool& fresh) {
    if (std::exchange(fresh, false))
      one.start_at(next.base_sequence, discontinuities, segment_length());
  });
}

// Rungs never go away while a ladder runs, their players are on them; those above a source that
// became smaller show it as it is. New ones come when it became larger.
void Ladder::State::take_plan(const Plan& plan) {
  std::vector<Line> next;
  const auto take = [&](const PlannedRung& planned) {
    Line line;
    for (Line& old : lines)
      if (old.rung && old.rung->name() == planned.spec.name) {
        line.rung = std::move(old.rung);
        line.fresh = old.fresh;
      }
    line.planned = planned;
    if (!line.rung) {
      master.expect(planned.spec.name);
      const int order = -planned.spec.box_height;  // largest first
      line.rung = std::make_unique<Rung>(planned.spec, segment_length(), files(planned.spec.name),
                                         order, master, options.event, options.probe,
                                         bus ? bus->add(planned.spec.name) : nullptr);
      tell_started(planned, std::monostate{});
    }
    next.push_back(std::move(line));
  };
  std::lock_guard lock(mutex);
  for (const PlannedRung& planned : plan.rungs) take(planned);
  for (Line& old : lines) {
    if (!old.rung) continue;
    PlannedRung planned = old.planned;
    if (source_size.width > 0) {
      const Size size = fit_or_source(planned.spec, source_size.width, source_size.height);
      planned.width = size.width;
      planned.height = size.height;
    }
    planned.copied = false;
    take(planned);
  }
  std::stable_sort(next.begin(), next.end(), [](const Line& a, const Line& b) {
    return a.planned.width * a.planned.height > b.planned.width * b.planned.height;
  });
  lines = std::move(next);
  copying = !lines.empty() && lines.front().planned.copied;
  if (lines.empty()) return;
  std::vector<Size> sizes;
  int encoded = 0;
  for (const Line& line : lines) {
    sizes.push_back({line.planned.width, line.planned.height});
    encoded += !line.planned.copied;
  }
  cascade.emplace(source_size, sizes);
  shedder.set_rungs(encoded);
}

void Ladder::State::add_sound() {
  if (sound) return;
  std::unique_ptr<SoundPath> path;
  SoundPath::PacketSink on_bus;
  if (bus) on_bus = [this](const av::Packet& packet) { bus->sound(packet); };
  if (muxes_sound()) {
    // Rungs are only ever added; the lock keeps the list whole while that happens.
    path = std::make_unique<SoundPath>(
        options.spec.audio_bit_rate, segment_length(), std::nullopt,
        [this](const av::Packet& packet) {
          std::vector<Rung*> all;
          {
            std::lock_guard lock(mutex);
            for (Line& line : lines) all.push_back(line.rung.get());
          }
          for (Rung* rung : all) rung->push(Sound{packet});
        },
        std::move(on_bus), master, options.event);
  } else {
    master.expect("audio");
    path =
        std::make_unique<SoundPath>(options.spec.audio_bit_rate, segment_length(), files("audio"),
                                    nullptr, std::move(on_bus), master, options.event);
    fresh_sound = true;
  }
  path->push(SoundPath::Source{*audio_track()});
  std::lock_guard lock(mutex);
  sound = std::move(path);
}

void Ladder::State::begin_line(Line& line, bool bt601) {
  BeginEpoch begin;
  begin.epoch = epoch;
  begin.grid = grid;
  begin.rung = line.planned;
  const av::Track& v = *video_track();
  begin.frame_rate = v.frame_rate;
  while (!line.planned.copied && begin.frame_rate.value() > kMaxFrameRate + 0.5)
    begin.frame_rate.den *= 2;
  begin.bt601 = bt601;
  if (line.planned.copied) {
    auto source = std::make_shared<av::Track>(v);
    source->time_base = kLadderBase;
    begin.source = std::move(source);
  }
  if (sound && muxes_sound()) begin.sound = std::make_shared<const av::Track>(sound->track());
  if (sound && bus) begin.beside = std::make_shared<const av::Track>(sound->track());
  line.rung->push(std::move(begin));
  line.begun = true;
}

}  // namespace stream::media

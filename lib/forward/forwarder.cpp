#include "forward/forwarder.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <random>

#include "base/error.h"
#include "forward/file_link.h"

namespace stream::media {

using namespace std::chrono_literals;

namespace {

// Time is looked at along with the media, and on its own where none flows.
constexpr auto kTick = 100ms, kTickWithMedia = 300ms;
// Platforms' limits are judged on this much of the input before the first connection.
constexpr auto kMeasureBeforeStart = 2500ms;
constexpr Nanoseconds kWindow = 5s;
constexpr Nanoseconds kDrain = 2s, kGoodbye = 600ms;  // at the stop
constexpr Nanoseconds kJudge = 1s;                    // between looks at what destinations take
constexpr Nanoseconds kLastWords = 1500ms;            // of encoders, when the input ended

}  // namespace

Forwarder::Forwarder(boost::asio::io_context& io, Options options, Handlers handlers)
    : io_(io),
      options_(std::move(options)),
      handlers_(std::move(handlers)),
      network_(io, std::make_shared<const net::TlsTrust>(options_.ca_file)),
      uplink_(options_.uplink_bps),
      encodes_(
          io,
          [this](const RungSpec* picture, const av::Packet& packet) { encoded(picture, packet); },
          [this] { flush(); }),
      timer_(io),
      stand_in_(io) {}

Forwarder::~Forwarder() {
  *alive_ = false;
}

void Forwarder::run() {
  input_ = std::make_unique<ForwardInput>(
      io_, options_.input, options_.hold,
      [this](std::vector<ForwardInput::Item> items) { take(std::move(items)); });
  tick();
}

// --- destinations ----------------------------------------------------------------------------

Forwarder::Entry& Forwarder::entry(const std::string& name) {
  const auto it = entries_.find(name);
  if (it == entries_.end()) {
    std::string known;
    for (const auto& [other, ignored] : entries_) known += (known.empty() ? "" : ", ") + other;
    throw Error(Exit::kUsage, "destination.name", "there is no destination '" + name + "'",
                known.empty() ? "there are none" : "there are: " + known);
  }
  return it->second;
}

void Forwarder::add(ForwardDestinationOptions options) {
  const std::string name = options.name;
  if (entries_.count(name) > 0)
    throw Error(Exit::kUsage, "destination.name", "there is a destination '" + name + "' already",
                "remove it first, or choose another name");
  Entry& added = entries_[name];
  added.order = ++added_;
  added.options = std::move(options);
  const auto turns = std::make_shared<net::AddressTurns>();
  const ForwardLinkFactory factory = [this, &added, turns](ForwardLinkHost& host) {
    if (!added.options.file.empty())
      return make_file_link(
          io_, added.options.file, [&added] { return added.rendition->feed().tracks(); }, host);
    RtmpLinkOptions link;
    link.fourccs = added.rendition->feed().fourccs();
    link.assume_enhanced = added.options.assume_enhanced || added.options.profile->assume_enhanced;
    return make_target_link(network_, added.options.target, std::move(link),
                            {[&added] { return added.rendition->feed().tracks(); }, turns}, host);
  };
  const auto state = [this, &added](ForwardState before, const std::string& reason) {
    if (added.destination && handlers_.state) handlers_.state(*added.destination, before, reason);
  };
  arrange(added);
  added.destination = std::make_unique<ForwardDestination>(
      name, added.rendition->feed(), options_.policy, factory, state, std::random_device()());
  added.rendition->users.push_back(added.destination.get());
  if (added.options.lived_before) added.destination->remember_live();
  if (added.options.paused) added.destination->pause(monotonic_now());
  start_if_ready(added, monotonic_now());
}

void Forwarder::remove(const std::string& name) {
  Entry& removed = entry(name);
  removed.destination->finish(monotonic_now());
  for (const auto& rendition : {removed.rendition, removed.before})
    if (rendition) std::erase(rendition->users, removed.destination.get());
  entries_.erase(name);
  arrange();
}

void Forwarder::pause(const std::string& name) {
  entry(name).destination->pause(monotonic_now());
}

void Forwarder::resume(const std::string& name) {
  Entry& resumed = entry(name);
  resumed.started = false;
  resumed.auto_encode = {};
  resumed.told.clear();
  resumed.options.paused = false;
  start_if_ready(resumed, monotonic_now());
}

std::vector<const ForwardDestination*> Forwarder::destinations() const {
  std::vector<const ForwardDestination*> all;
  for (const auto& [name, one] : entries_) all.push_back(one.destination.get());
  return all;
}

const ForwardProfile& Forwarder::profile_of(const std::string& name) const {
  return *entries_.at(name).options.profile;
}

const RenditionPlan& Forwarder::plan_of(const std::string& name) const {
  return entries_.at(name).rendition->plan();
}

// Connects once the input is there and was judged.
void Forwarder::start_if_ready(Entry& e, Nanoseconds now) {
  if (e.started || stop_at_ || !first_arrival_) return;
  if (e.destination->state() == ForwardState::kPaused && e.options.paused) return;
  const bool custom = e.options.profile->name == "custom" && e.options.encode != EncodeMode::kAuto;
  if (!custom && now - *first_arrival_ < kMeasureBeforeStart) return;
  const bool limited = options_.uplink_bps > 0 && e.options.file.empty();
  if (limited && !e.share) return;
  e.started = true;
  if (!fits(e)) return;
  if (e.share == UplinkShare::kHeld) return set_share(e, UplinkShare::kHeld, now);
  e.destination->start(now);
}

// Reports what is new; false when the platform would not take the stream.
bool Forwarder::fits(Entry& e) {
  arrange(e);
  const RenditionPlan& plan = e.rendition->plan();
  ForwardMeasure measure = measure_;
  if (plan.picture) {
    const int64_t sound = measure.total_bps - measure.video_bps;
    measure.video_bps = plan.picture->bit_rate;
    measure.total_bps = measure.video_bps + sound;
    measure.keyframe_s = PictureEncode::kKeyframeSeconds;
  }
  bool good = true;
  const av::Tracks tracks = planned_tracks(plan, tracks_, encodes_);
  for (const ForwardFinding& finding : check_profile(*e.options.profile, tracks, measure)) {
    if (finding.refuse) good = false;
    if (std::find(e.told.begin(), e.told.end(), finding.reason) != e.told.end()) continue;
    e.told.push_back(finding.reason);
    if (finding.refuse) e.destination->refuse(finding.reason, monotonic_now());
    if (handlers_.finding) handlers_.finding(e.options.name, finding);
  }
  return good;
}

// --- media -----------------------------------------------------------------------------------

void Forwarder::take(std::vector<ForwardInput::Item> items) {
  for (const ForwardInput::Item& item : items) {
    if (stop_at_) return;
    if (const auto* packet = std::get_if<av::Packet>(&item)) {
      take_packet(*packet);
    } else if (const auto* tracks = std::get_if<av::Tracks>(&item)) {
      take_tracks(*tracks);
    } else if (std::holds_alternative<ForwardInput::Lost>(item)) {
      lost_ = true;
      if (options_.slate) stand_in_.start(tracks_);
      if (handlers_.lost) handlers_.lost();
    } else {
      flush();
      return finish_input(std::get<ForwardInput::Ended>(item).error);
    }
  }
  flush();
}

void Forwarder::take_tracks(const av::Tracks& tracks) {
  tracks_ = tracks;
  const auto first = [&tracks](av::MediaType type) {
    const int index = first_of(tracks, type);
    return index < 0 ? nullptr : &tracks[static_cast<size_t>(index)];
  };
  encodes_.set_source(first(av::MediaType::kVideo), first(av::MediaType::kAudio));
  arrange();
  for (const auto& rendition : renditions_) {
    const bool used = std::any_of(entries_.begin(), entries_.end(), [&](const auto& pair) {
      return pair.second.rendition == rendition;
    });
    if (used) {
      rendition->set_tracks(tracks_, encodes_);
    } else {
      rendition->close();  // its plan is for other tracks
    }
  }
  if (lost_) {
    lost_ = false;
    rebase_ = true;
    for (const auto& rendition : renditions_) rendition->forget();
    stand_in_.stop();
    stand_in_since_ = 0ns;
  }
  if (handlers_.tracks) handlers_.tracks(tracks);
}

void Forwarder::take_packet(const av::Packet& packet) {
  const Nanoseconds now = monotonic_now();
  const av::Track& track = tracks_.at(static_cast<size_t>(packet.track));
  const Nanoseconds time{rescale(packet.dts, track.time_base, kNanosecondBase)};
  if (!first_arrival_) {
    first_arrival_ = now;
    window_.begin = time;
  }
  if (rebase_) {
    // The receivers' clock went on while the input was away.
    rebase_ = false;
    shift_ = end_ + std::max<Nanoseconds>(now - arrived_, 40ms) - time;
  }
  if (options_.slate && options_.hold > 0ms) stand_in_.saw(packet, tracks_);
  distribute(packet, shift_);
  reached(packet, shift_);
  arrived_ = now;
  measure_packet(packet, time + shift_);
}

void Forwarder::distribute(const av::Packet& packet, Nanoseconds shift) {
  if (packet.track == first_of(tracks_, av::MediaType::kVideo))
    encodes_.push_picture(packet, shift);
  if (packet.track == first_of(tracks_, av::MediaType::kAudio)) encodes_.push_sound(packet, shift);
  for (const auto& rendition : renditions_) rendition->copied(packet, shift);
}

void Forwarder::flush() {
  for (auto& [name, one] : entries_) one.destination->send();
  if (handlers_.media && !lost_) handlers_.media();
  if (const Nanoseconds now = monotonic_now(); now - looked_at_ >= kTick) look(now);
}

void Forwarder::measure_packet(const av::Packet& packet, Nanoseconds time) {
  const bool video = tracks_[static_cast<size_t>(packet.track)].type == av::MediaType::kVideo;
  window_.bytes += packet.data.size();
  if (video) window_.video_bytes += packet.data.size();
  if (video && packet.key) {
    if (window_.keyframes++ > 0)
      window_.keyframe_s = std::chrono::duration<double>(time - window_.keyframe).count();
    window_.keyframe = time;
    window_.keyframe_bytes += packet.data.size();
  }
  const double seconds = std::chrono::duration<double>(time - window_.begin).count();
  if (seconds < 2) return;
  const auto rate = [&](uint64_t bytes) {
    return static_cast<int64_t>(8 * static_cast<double>(bytes) / seconds);
  };
  measure_ = {rate(window_.video_bytes), rate(window_.bytes), window_.keyframe_s,
              rate(window_.keyframe_bytes)};
  if (time - window_.begin < kWindow) return;
  window_.begin = time;
  window_.bytes = window_.video_bytes = window_.keyframe_bytes = 0;
}

// What encoders still have goes out first.
void Forwarder::finish_input(std::exception_ptr error) {
  ending_ = monotonic_now();
  end_error_ = error;
  encodes_.finish([this] { end_input(); });
}

void Forwarder::end_input() {
  if (!ending_ || stop_at_) return;
  ending_.reset();
  for (const auto& rendition : renditions_) rendition->end();
  flush();
  if (handlers_.ended) handlers_.ended(end_error_);
}

ForwardMeasure Forwarder::measure() const {
  return measure_;
}

// The last picture and silence, in real time, from where the input broke off.
void Forwarder::show_stand_in(Nanoseconds now) {
  if (!lost_ || !stand_in_.ready()) return;
  if (stand_in_since_ == 0ns) {
    stand_in_since_ = now;
    stand_in_from_ = end_ + (now - arrived_);
  }
  while (const auto packet = stand_in_.due(now - stand_in_since_)) {
    distribute(*packet, stand_in_from_);
    reached(*packet, stand_in_from_);
  }
  arrived_ = now;
  flush();
}

void Forwarder::reached(const av::Packet& packet, Nanoseconds shift) {
  const Rational base = tracks_.at(static_cast<size_t>(packet.track)).time_base;
  end_ = std::max(
      end_, Nanoseconds(rescale(std::max(packet.dts, packet.pts), base, kNanosecondBase)) + shift);
}

// --- time and the end ------------------------------------------------------------------------

void Forwarder::tick() {
  const Nanoseconds now = monotonic_now();
  const bool flows = looked_at_ > ticked_at_;
  ticked_at_ = now;
  if (now - looked_at_ >= kTick - 1ms) look(now);
  if (cut_) return;
  timer_.expires_after(flows && !stop_at_ ? kTickWithMedia : kTick);
  timer_.async_wait([this, alive = alive_](const boost::system::error_code& error) {
    if (!error && *alive) tick();
  });
}

void Forwarder::look(Nanoseconds now) {
  looked_at_ = now;
  for (auto& [name, one] : entries_) {
    start_if_ready(one, now);
    one.destination->tick(now);
  }
  if (now - judged_at_ >= kJudge && !stop_at_) {
    judged_at_ = now;
    for (auto& [name, one] : entries_) {
      if (one.started && measure_.total_bps > 0) fits(one);
    }
    arrange();
    balance(now);
  }
  look_at_encodes(now);
  if (ending_ && now - *ending_ >= kLastWords) end_input();
  show_stand_in(now);
  if (stop_at_) finish_stop(now);
}

void Forwarder::stop(std::function<void()> done) {
  if (stop_at_) return;
  stopped_ = std::move(done);
  const Nanoseconds now = monotonic_now();
  stop_at_ = now;
  for (auto& [name, one] : entries_) one.destination->finish(now);
}

void Forwarder::finish_stop(Nanoseconds now) {
  const Nanoseconds waited = now - *stop_at_;
  const bool out = std::all_of(entries_.begin(), entries_.end(),
                               [](const auto& pair) { return pair.second.destination->ended(); });
  if (!(out && waited >= kTick) && waited < kDrain + kGoodbye) return;
  cut_ = true;
  for (auto& [name, one] : entries_) one.destination->cut(now);
  input_.reset();
  if (stopped_) boost::asio::post(io_, std::move(stopped_));
}

}  // namespace stream::media

#include "whep/layers.h"

#include <algorithm>
#include <functional>
#include <random>
#include <tuple>
#include <utility>

#include "os/dirs.h"
#include "os/unix_socket.h"

namespace stream::whep {
namespace {

using namespace std::chrono_literals;

constexpr size_t kMostRungs = 16;
constexpr Nanoseconds kOthersLate = 400ms;  // rungs that are not ready with the first
constexpr Nanoseconds kSilent = 1500ms;     // so far behind the others a rung has stopped
constexpr Nanoseconds kLookEach = 2s;

std::shared_ptr<Line> new_line(bool shared) {
  std::random_device random;
  const uint32_t video = random();
  return std::make_shared<Line>(monotonic_now(), video, random(), shared);
}

}  // namespace

Layers::Layers(boost::asio::io_context& io, std::string name, Handlers handlers)
    : io_(io),
      name_(std::move(name)),
      handlers_(std::move(handlers)),
      line_(new_line(true)),
      looked_(monotonic_now()) {
  look_for_rungs();
  if (rungs_.empty()) watch_stream();
}

bool Layers::is_live(const std::string& name) {
  return os::socket_is_live(os::media_socket_path(name)) || !os::live_rungs(name).empty();
}

std::unique_ptr<Channel> Layers::open(const std::string& bus, bool shared) {
  Channel::Handlers handlers;
  handlers.changed = [this] { update(false); };
  handlers.restarted = [this] {
    codec_.clear();
    update(true);
    handlers_.restarted();
  };
  handlers.media = handlers_.media;
  auto opened =
      std::make_unique<Channel>(io_, bus, shared ? line_ : new_line(false), std::move(handlers));
  opened->give_sound(!shared);
  return opened;
}

// A rung that ended is not looked for again: when it comes back its times may be others.
void Layers::look_for_rungs() {
  for (const std::string& rung : os::rungs_by_name(name_)) {
    const std::string bus = name_ + "/" + rung;
    const bool known = std::any_of(rungs_.begin(), rungs_.end(),
                                   [&](const auto& one) { return one->name() == bus; });
    if (!known && rungs_.size() < kMostRungs && os::socket_is_live(os::media_socket_path(bus)))
      rungs_.push_back(open(bus, true));
  }
}

void Layers::watch_stream() {
  if (!stream_) stream_ = open(name_, false);
}

void Layers::set(State state, std::string refusal) {
  if (state_ == state || state_ == State::kRefused || state_ == State::kEnded) return;
  state_ = state;
  refusal_ = std::move(refusal);
  handlers_.changed();
}

// What can be watched changed. Called by channels: none goes here.
void Layers::update(bool patient) {
  ready_.clear();
  bool waiting = false;
  const Channel* failed = nullptr;
  const auto take = [&](const Channel* channel) {
    if (channel->state() == State::kReady) ready_.push_back(channel);
    waiting |= channel->state() == State::kWaiting;
    // A refusal says more than that something is not there.
    const bool ended = channel->state() == State::kEnded;
    if (channel->state() == State::kRefused || (ended && !failed)) failed = channel;
  };
  for (const auto& rung : rungs_) take(rung.get());
  // What follows is for a stream whose rungs were never of use.
  if (ready_.empty() && !waiting && !stream_ && !first_ready_) {
    watch_stream();
    waiting = true;
  }
  if (stream_) take(stream_.get());
  std::sort(ready_.begin(), ready_.end(), [](const Channel* a, const Channel* b) {
    return std::tuple(a->pixels(), a->bps(), a->name()) <
           std::tuple(b->pixels(), b->bps(), b->name());
  });
  const bool was_ready = first_ready_.has_value();
  if (!ready_.empty() && !was_ready) first_ready_ = monotonic_now();
  const bool complete = !ready_.empty() && (!waiting || patient || state_ == State::kReady);
  if (complete) {
    keep_codec();
    choose_sound();
    return set(State::kReady);
  }
  if (ready_.empty() && failed && (!waiting || was_ready)) set(failed->state(), failed->refusal());
}

// A viewer is told of one payload type: H.264, which all browsers play, or what the largest has.
void Layers::keep_codec() {
  const auto has = [](const std::string& codec) {
    return [codec](const Channel* one) { return one->codec() == codec; };
  };
  if (codec_.empty() || std::none_of(ready_.begin(), ready_.end(), has(codec_)))
    codec_ =
        std::any_of(ready_.begin(), ready_.end(), has("h264")) ? "h264" : ready_.back()->codec();
  std::erase_if(ready_, std::not_fn(has(codec_)));
}

// Of the smallest, which a ladder that is short of time gives up last.
void Layers::choose_sound() {
  if (std::find(ready_.begin(), ready_.end(), sounding_) != ready_.end()) return;
  const auto found = std::find_if(ready_.begin(), ready_.end(),
                                  [](const Channel* one) { return one->has_sound(); });
  sounding_ = found == ready_.end() ? nullptr : *found;
  for (const auto& rung : rungs_) rung->give_sound(rung.get() == sounding_);
}

void Layers::tick(Nanoseconds now) {
  if (state_ == State::kWaiting && first_ready_ && now - *first_ready_ >= kOthersLate) update(true);
  if (rungs_.empty() || stream_ || now - looked_ < kLookEach) return;
  looked_ = now;
  look_for_rungs();
}

std::vector<RungChoice::Rung> Layers::figures() const {
  Nanoseconds newest = Nanoseconds::min();
  for (const Channel* one : ready_) newest = std::max(newest, one->position());
  std::vector<RungChoice::Rung> figures;
  for (const Channel* one : ready_) {
    const bool silent = newest != one->position() && one->position() < newest - kSilent;
    figures.push_back({one->bps(), !silent});
  }
  return figures;
}

std::vector<webrtc::SentTrack> Layers::tracks(const Channel& channel) const {
  std::vector<webrtc::SentTrack> tracks = channel.tracks();
  const bool sounds = &channel == stream_.get() || sounding_ != nullptr;
  if (!sounds) std::erase_if(tracks, [](const auto& track) { return track.kind == "audio"; });
  return tracks;
}

}  // namespace stream::whep

#include "forward/rendition.h"

#include "forward/encodes.h"

namespace stream::media {
namespace {

// Sound does not wait longer for an encoder that hangs.
constexpr Nanoseconds kPatience = std::chrono::seconds(3);

}  // namespace

int first_of(const av::Tracks& tracks, av::MediaType type) {
  for (size_t i = 0; i < tracks.size(); ++i) {
    if (tracks[i].type == type) return static_cast<int>(i);
  }
  return -1;
}

av::Tracks planned_tracks(const RenditionPlan& plan, const av::Tracks& input,
                          const ForwardEncodes& encodes) {
  av::Tracks tracks = input;
  for (size_t i = 0; i < tracks.size(); ++i) {
    const int number = static_cast<int>(i);
    if (number == plan.video) {
      if (plan.picture) tracks[i] = encodes.picture_track(*plan.picture);
    } else if (number == plan.audio) {
      if (plan.sound) tracks[i] = encodes.sound_track();
    } else {
      tracks[i].type = av::MediaType::kData;
    }
  }
  return tracks;
}

void Rendition::set_tracks(const av::Tracks& input, const ForwardEncodes& encodes) {
  release(true);
  closed_ = false;
  tracks_ = planned_tracks(plan_, input, encodes);
  feed_.set_tracks(tracks_);
}

void Rendition::copied(const av::Packet& packet, Nanoseconds shift) {
  if (closed_) return;
  if (packet.track == plan_.video && !plan_.picture) take(packet, shift);
  if (packet.track == plan_.audio && !plan_.sound) take_sound(packet, shift);
}

void Rendition::encoded_picture(av::Packet packet) {
  if (closed_) return;
  packet.track = plan_.video;
  picture_at_ = time_of(packet, Nanoseconds(0));
  take(packet, Nanoseconds(0));
  release(false);
}

void Rendition::encoded_sound(av::Packet packet) {
  if (closed_) return;
  packet.track = plan_.audio;
  take_sound(packet, Nanoseconds(0));
}

void Rendition::take_sound(const av::Packet& packet, Nanoseconds shift) {
  if (!plan_.picture) return take(packet, shift);
  waiting_.push_back({packet, shift, time_of(packet, shift)});
  release(false);
}

void Rendition::release(bool all) {
  while (!waiting_.empty()) {
    const Waiting& first = waiting_.front();
    const bool due = first.time <= picture_at_ || waiting_.back().time - first.time > kPatience;
    if (!all && !due) return;
    take(first.packet, first.shift);
    waiting_.pop_front();
  }
}

void Rendition::take(const av::Packet& packet, Nanoseconds shift) {
  const Nanoseconds now = monotonic_now();
  for (const MessagePtr& message : feed_.push(packet, shift)) {
    for (ForwardDestination* user : users) user->offer(message, now, &feed_);
  }
}

void Rendition::close() {
  closed_ = true;
  waiting_.clear();
}

void Rendition::forget() {
  release(true);
  feed_.forget();
}

Nanoseconds Rendition::time_of(const av::Packet& packet, Nanoseconds shift) const {
  const av::Track& track = tracks_.at(static_cast<size_t>(packet.track));
  return Nanoseconds(rescale(packet.dts, track.time_base, kNanosecondBase)) + shift;
}

}  // namespace stream::media

#include "media/hub.h"

#include <algorithm>
#include <utility>

namespace stream::media {
namespace {

Nanoseconds time_of(const av::Packet& packet, const av::Tracks& tracks) {
  const Rational base = tracks[static_cast<size_t>(packet.track)].time_base;
  return Nanoseconds(rescale(packet.dts, base, kNanosecondBase));
}

Nanoseconds span_of(const Fifo<av::Packet>& packets, const av::Tracks& tracks) {
  if (packets.size() < 2) return Nanoseconds{0};
  return time_of(packets.back(), tracks) - time_of(packets.front(), tracks);
}

bool is_video(const av::Tracks& tracks, int track) {
  return tracks[static_cast<size_t>(track)].type == av::MediaType::kVideo;
}

int first_video(const av::Tracks& tracks) {
  for (size_t i = 0; i < tracks.size(); ++i)
    if (is_video(tracks, static_cast<int>(i))) return static_cast<int>(i);
  return -1;
}

// `later` over `earlier`: what a reader must know that missed both.
av::Mark merged(const av::Mark& earlier, const av::Mark& later) {
  av::Mark mark = earlier;
  if (!later.session.empty()) mark.session = later.session;
  mark.discontinuity |= later.discontinuity;
  if (!later.extradata.empty()) mark.extradata = later.extradata;
  return mark;
}

}  // namespace

bool same_layout(const av::Tracks& a, const av::Tracks& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.type == y.type && x.codec == y.codec && x.time_base == y.time_base;
  });
}

std::optional<av::Packet> HubReader::pop() {
  if (queue_.empty()) return std::nullopt;
  av::Packet packet = queue_.pop();
  bytes_ -= packet.data.size();
  return packet;
}

Nanoseconds HubReader::queued_span() const {
  return span_of(queue_, tracks_);
}

void HubReader::open(const av::Tracks& tracks) {
  tracks_ = tracks;
  state_of_.assign(tracks.size(), TrackState{});
  for (size_t i = 0; i < tracks.size(); ++i)
    state_of_[i].video = is_video(tracks, static_cast<int>(i));
  video_ = first_video(tracks);
  state_ = State::kOpen;
}

bool HubReader::full(const HubLimits& limits) const {
  return bytes_ > limits.bytes + given_bytes_ || queued_span() > limits.span + given_span_;
}

// What was on a packet that this reader does not get must reach it with the track's next one.
void HubReader::remember(const av::Packet& packet) {
  TrackState& track = state_of_[static_cast<size_t>(packet.track)];
  if (track.gap) ++dropped_;
  if (packet.mark)
    track.lost = track.lost ? std::make_shared<const av::Mark>(merged(*track.lost, *packet.mark))
                            : packet.mark;
}

void HubReader::drop_queue() {
  waits_ = true;
  for (TrackState& track : state_of_) {
    track.gap = true;
    track.started = false;
  }
  for (const av::Packet& packet : queue_) remember(packet);
  queue_.clear();
  bytes_ = 0;
  ++overflows_;
}

void HubReader::offer(const av::Packet& packet, const HubLimits& limits) {
  if (on_slow_ == OnSlow::kDrop && full(limits)) drop_queue();
  TrackState& track = state_of_[static_cast<size_t>(packet.track)];
  const bool entry = packet.key && (packet.track == video_ || video_ < 0);
  if (waits_ && !entry) return remember(packet);
  waits_ = false;
  if (track.video && !track.started && !packet.key) return remember(packet);
  track.started = true;
  if (!track.gap && !track.lost) return enqueue(packet);

  av::Mark mark = packet.mark ? *packet.mark : av::Mark{};
  if (track.lost) mark = merged(*track.lost, mark);
  mark.discontinuity |= track.gap;
  track.lost = nullptr;
  track.gap = false;
  av::Packet marked = packet;
  marked.mark = std::make_shared<const av::Mark>(std::move(mark));
  enqueue(std::move(marked));
}

void HubReader::enqueue(av::Packet packet) {
  bytes_ += packet.data.size();
  queue_.push(std::move(packet));
}

void Hub::announce(av::Tracks tracks) {
  const bool goes_on = announced_ && same_layout(tracks, tracks_);
  if (goes_on) return;
  ++layouts_;
  cache_.clear();
  cache_bytes_ = 0;
  tracks_ = std::move(tracks);
  cache_tracks_ = tracks_;
  video_ = first_video(tracks_);
  entered_ = false;
  announced_ = true;
  for (const auto& reader : readers()) {
    if (reader->state_ == HubReader::State::kWaiting)
      reader->open(tracks_);
    else
      reader->state_ = HubReader::State::kEnded;
    reader->wake_();
  }
}

void Hub::push(const av::Packet& packet, const av::Track* track) {
  if (track) tracks_.at(static_cast<size_t>(packet.track)) = *track;
  cache(packet);
  if (on_packet_) on_packet_(packet);
  bool gone = false;
  for (const auto& weak : readers_) {
    const auto reader = weak.lock();
    gone |= !reader;
    if (!reader || reader->state_ != HubReader::State::kOpen) continue;
    const bool was_empty = reader->queue_.empty();
    const uint64_t dropped = reader->dropped_;
    reader->offer(packet, limits_);
    dropped_ += reader->dropped_ - dropped;
    if (was_empty && !reader->queue_.empty()) reader->wake_();
  }
  if (gone) std::erase_if(readers_, [](const auto& r) { return r.expired(); });
}

void Hub::cache(const av::Packet& packet) {
  const bool entry = packet.key && packet.track == video_;
  if (entry) {
    cache_.clear();
    cache_bytes_ = 0;
    entered_ = true;
  }
  if (cache_.empty()) {
    if (entered_ && !entry) return;  // the run was too long to keep: from the next keyframe on
    cache_tracks_ = tracks_;
    cache_began_ = time_of(packet, tracks_);
  }
  cache_.push(packet);
  cache_bytes_ += packet.data.size();
  const Nanoseconds now = time_of(packet, tracks_);
  const auto too_long = [&] {
    return cache_bytes_ > limits_.bytes || now - cache_began_ > limits_.span;
  };
  if (!too_long()) return;
  if (video_ >= 0) {
    cache_.clear();
    cache_bytes_ = 0;
    return;
  }
  while (!cache_.empty() && too_long()) {
    cache_bytes_ -= cache_.pop().data.size();
    if (!cache_.empty()) cache_began_ = time_of(cache_.front(), tracks_);
  }
}

void Hub::end() {
  ended_ = true;
  cache_.clear();
  cache_bytes_ = 0;
  for (const auto& reader : readers()) {
    reader->state_ = HubReader::State::kEnded;
    reader->wake_();
  }
}

std::shared_ptr<HubReader> Hub::attach(OnSlow on_slow, std::function<void()> wake) {
  const auto reader = std::make_shared<HubReader>();
  reader->on_slow_ = on_slow;
  reader->wake_ = std::move(wake);
  if (ended_) {
    reader->state_ = HubReader::State::kEnded;
    return reader;
  }
  if (announced_) {
    reader->open(cache_.empty() ? tracks_ : cache_tracks_);
    reader->waits_ = entered_ && cache_.empty();
    reader->given_bytes_ = cache_bytes_;
    reader->given_span_ = span_of(cache_, tracks_);
    for (const av::Packet& packet : cache_) reader->offer(packet, limits_);
  }
  readers_.push_back(reader);
  may_block_ |= on_slow == OnSlow::kBlock;
  return reader;
}

bool Hub::congested() const {
  return may_block_ && std::any_of(readers_.begin(), readers_.end(), [&](const auto& weak) {
           const auto reader = weak.lock();
           return reader && reader->on_slow_ == OnSlow::kBlock &&
                  reader->state_ == HubReader::State::kOpen && reader->full(limits_);
         });
}

std::vector<std::shared_ptr<HubReader>> Hub::readers() const {
  std::vector<std::shared_ptr<HubReader>> all;
  for (const auto& weak : readers_)
    if (auto reader = weak.lock()) all.push_back(std::move(reader));
  return all;
}

}  // namespace stream::media

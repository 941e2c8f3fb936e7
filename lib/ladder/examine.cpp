#include <algorithm>

#include "ladder/ladder.h"

namespace stream::media {

int first_track(const av::Tracks& tracks, av::MediaType type) {
  for (size_t i = 0; i < tracks.size(); i++)
    if (tracks[i].type == type) return static_cast<int>(i);
  return -1;
}

SourceFacts examine(MediaInput& input, Nanoseconds segment, std::deque<MediaInput::Item>& read) {
  constexpr size_t kMaxBytes = 64 << 20;
  constexpr int kDistances = 2;
  SourceFacts facts;
  const int video = first_track(input.tracks(), av::MediaType::kVideo);
  if (video < 0) return facts;
  const Rational base = input.tracks()[static_cast<size_t>(video)].time_base;
  const int64_t patience =
      rescale(std::max<int64_t>(8 * segment.count(), 12'000'000'000), kNanosecondBase, base);
  int64_t first = kNoTime, key = kNoTime, bytes = 0, last = 0;
  int distances = 0;
  size_t held = 0;
  while (distances < kDistances && held < kMaxBytes) {
    MediaInput::Item item = input.read();
    const auto* packet = std::get_if<av::Packet>(&item);
    if (packet && packet->track == video) {
      if (first == kNoTime) first = packet->pts;
      if (packet->key) {
        if (key != kNoTime) {
          distances++;
          facts.keyframe_distance =
              std::max(facts.keyframe_distance,
                       Nanoseconds(rescale(packet->pts - key, base, kNanosecondBase)));
        }
        key = packet->pts;
      } else if (key != kNoTime && packet->pts < key) {
        facts.closed_groups = false;
      }
      facts.reordered |= packet->pts < last;
      bytes += static_cast<int64_t>(packet->data.size());
      last = std::max(last, packet->pts);
    }
    if (packet) held += packet->data.size();
    const bool end = std::holds_alternative<MediaInput::End>(item);
    const bool late = first != kNoTime && last - first > patience;
    read.push_back(std::move(item));
    if (end || late) break;
  }
  // Longer than was looked at: at least that.
  if (first != kNoTime && key != kNoTime)
    facts.keyframe_distance =
        std::max(facts.keyframe_distance, Nanoseconds(rescale(last - key, base, kNanosecondBase)));
  const double time = static_cast<double>(last - first) * base.value();
  if (first != kNoTime && time > 0.5) facts.bit_rate = static_cast<int64_t>(8 * bytes / time);
  return facts;
}

}  // namespace stream::media

#include "record/pre_roll.h"

#include <utility>

namespace stream::media {

void PreRoll::add(av::Packet packet, Nanoseconds time, bool start) {
  if (length_.count() <= 0 || (held_.empty() && !start)) return;
  bytes_ += packet.data.size() + sizeof(Held);
  if (start) starts_.push_back(time);
  held_.push_back({std::move(packet), time, start});
  // The oldest group goes when the next one reaches back far enough without it.
  while (starts_.size() > 1 && (time - starts_[1] >= length_ || bytes_ > kMaxBytes)) drop_group();
  if (bytes_ > kMaxBytes) clear();  // one group that is larger than all we may hold
}

void PreRoll::drop_group() {
  do {
    bytes_ -= held_.front().packet.data.size() + sizeof(Held);
    held_.pop_front();
  } while (!held_.empty() && !held_.front().start);
  starts_.pop_front();
}

std::deque<av::Packet> PreRoll::take() {
  std::deque<av::Packet> packets;
  for (Held& held : held_) packets.push_back(std::move(held.packet));
  held_.clear();
  starts_.clear();
  bytes_ = 0;
  return packets;
}

}  // namespace stream::media

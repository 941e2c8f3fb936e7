#include "srt/srtla_groups.h"

#include <algorithm>
#include <utility>

namespace stream::srt {

SrtlaGroups::SrtlaGroups(SrtlaLimits limits, Handlers handlers)
    : limits_(limits), handlers_(std::move(handlers)) {}

void SrtlaGroups::reply(const Endpoint& to, SrtlaReply what) const {
  handlers_.send(to, srtla_reply(what));
}

SrtlaGroups::Link* SrtlaGroups::link_of(Group& group, const Endpoint& peer) const {
  const auto at = std::find_if(group.links.begin(), group.links.end(),
                               [&](const Link& link) { return link.peer == peer; });
  return at == group.links.end() ? nullptr : &*at;
}

SrtlaGroups::Group* SrtlaGroups::received(const Endpoint& from, Bytes packet, Nanoseconds now) {
  const auto parsed = parse_srtla(packet);
  if (!parsed) return nullptr;
  if (parsed->kind == SrtlaPacket::Kind::kNewGroup) {
    new_group(from, parsed->id, now);
    return nullptr;
  }
  if (parsed->kind == SrtlaPacket::Kind::kJoin) {
    join(from, parsed->id, now);
    return nullptr;
  }
  const auto known = by_peer_.find(from);
  if (known == by_peer_.end()) return nullptr;
  Group& group = *known->second;
  Link* link = link_of(group, from);
  if (link == nullptr) return nullptr;
  link->heard = now;
  if (parsed->kind == SrtlaPacket::Kind::kKeepalive) {
    handlers_.send(from, packet);
    return nullptr;
  }
  group.newest = from;
  if (parsed->sequence) {
    link->received.push_back(*parsed->sequence);
    if (link->received.size() == kSrtlaAckBatch) {
      handlers_.send(from, srtla_ack(link->received));
      link->received.clear();
    }
  }
  return &group;
}

void SrtlaGroups::send(const Group& group, Bytes packet) const {
  if (!is_srt_ack(packet)) return handlers_.send(group.newest, packet);
  for (const Link& link : group.links) handlers_.send(link.peer, packet);
}

// The answer is as long as the question, and only who gets it can go on: a forged address gains
// nothing.
void SrtlaGroups::new_group(const Endpoint& from, const SrtlaId& id, Nanoseconds now) {
  if (const auto known = by_peer_.find(from); known != by_peer_.end()) {
    // The answer was lost, or the sender has begun anew.
    Group& old = *known->second;
    if (old.from == from && old.links.empty() &&
        std::equal(id.begin(), id.begin() + kSrtlaId / 2, old.id.begin()))
      return handlers_.send(from, srtla_group(old.id));
    return reply(from, SrtlaReply::kRefused);
  }
  if (!make_room(from)) return reply(from, SrtlaReply::kRefused);
  auto group = std::make_unique<Group>();
  group->id = id;
  handlers_.random(std::span(group->id).subspan(kSrtlaId / 2));
  if (groups_.contains(group->id)) return reply(from, SrtlaReply::kRefused);
  group->from = group->newest = from;
  group->since = now;
  by_peer_[from] = group.get();
  handlers_.send(from, srtla_group(group->id));
  groups_[group->id] = std::move(group);
}

bool SrtlaGroups::make_room(const Endpoint& from) {
  size_t same_host = 0;
  Group* oldest = nullptr;
  for (const auto& [id, group] : groups_) {
    if (group->admitted) continue;
    same_host += group->from.address() == from.address();
    if (oldest == nullptr || group->since < oldest->since) oldest = group.get();
  }
  if (same_host >= limits_.groups_per_host) return false;
  if (groups_.size() < limits_.groups) return true;
  if (oldest == nullptr) return false;
  drop(*oldest);
  return true;
}

void SrtlaGroups::join(const Endpoint& from, const SrtlaId& id, Nanoseconds now) {
  const auto at = groups_.find(id);
  if (at == groups_.end()) return reply(from, SrtlaReply::kNoGroup);
  Group& group = *at->second;
  const auto known = by_peer_.find(from);
  if (known != by_peer_.end() && known->second != &group) return reply(from, SrtlaReply::kRefused);
  Link* link = link_of(group, from);
  if (link == nullptr) {
    if (group.links.size() >= limits_.links) return reply(from, SrtlaReply::kRefused);
    link = &group.links.emplace_back();
    link->peer = from;
    link->received.reserve(kSrtlaAckBatch);
    by_peer_[from] = &group;
  }
  link->heard = now;
  group.newest = from;
  reply(from, SrtlaReply::kJoined);
}

void SrtlaGroups::tick(Nanoseconds now) {
  std::vector<Group*> over;
  for (const auto& entry : groups_) {
    Group& group = *entry.second;
    std::erase_if(group.links, [&](const Link& link) {
      const bool silent = now - link.heard > limits_.silence;
      if (silent && link.peer != group.from) by_peer_.erase(link.peer);
      return silent;
    });
    if (group.links.empty() && now - group.since > limits_.silence) over.push_back(&group);
  }
  for (Group* group : over) drop(*group);
}

void SrtlaGroups::drop(Group& group) {
  std::erase_if(by_peer_, [&](const auto& one) { return one.second == &group; });
  const auto node = groups_.extract(group.id);
  handlers_.gone(group);
}

}  // namespace stream::srt

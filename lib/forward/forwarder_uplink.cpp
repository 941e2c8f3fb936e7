// The forwarder's part about the way out: what each destination would need there, and what it gets.
#include <algorithm>

#include "forward/forwarder.h"

namespace stream::media {
namespace {

constexpr double kPackaging = 1.05;  // of RTMP, TLS, TCP and IP

}  // namespace

// None for one that does not want to send, or not over the network.
std::optional<Uplink::User> Forwarder::uplink_user(const std::string& name, const Entry& e) const {
  switch (e.destination->state()) {
    case ForwardState::kPaused:
    case ForwardState::kRefused:
    case ForwardState::kGaveUp:
    case ForwardState::kStopped:
      return std::nullopt;
    default:
      break;
  }
  if (!e.options.file.empty()) return std::nullopt;
  const auto& picture = e.rendition->plan().picture;
  const int64_t sound = measure_.total_bps - measure_.video_bps;
  const int64_t video = picture ? picture->bit_rate : measure_.video_bps;
  const int64_t keyframes = picture ? video / 4 : measure_.keyframe_bps;
  const auto packaged = [](int64_t bps) {
    return static_cast<int64_t>(kPackaging * static_cast<double>(bps));
  };
  return Uplink::User{name,
                      e.options.priority,
                      e.order,
                      packaged(video + sound),
                      packaged(keyframes + sound),
                      e.destination->behind()};
}

void Forwarder::balance(Nanoseconds now) {
  if (measure_.total_bps == 0) return;
  std::vector<Uplink::User> users;
  for (auto& [name, one] : entries_) {
    if (auto user = uplink_user(name, one)) {
      users.push_back(std::move(*user));
    } else {
      one.destination->thin(false);
      one.share.reset();
    }
  }
  const auto shares = uplink_.judge(std::move(users), now);
  for (const auto& [name, share] : shares) set_share(entries_.at(name), share, now);
  const UplinkStatus status = uplink();
  if (status == uplink_told_) return;
  uplink_told_ = status;
  if (handlers_.uplink) handlers_.uplink(status);
}

void Forwarder::set_share(Entry& e, UplinkShare share, Nanoseconds now) {
  const bool held = e.destination->state() == ForwardState::kHeld;
  e.share = share;
  e.destination->thin(share == UplinkShare::kThin);
  if (!e.started) return;
  if (share == UplinkShare::kHeld && !held)
    e.destination->hold_back("the uplink is full: it is for more important destinations", now);
  if (share != UplinkShare::kHeld && held) e.destination->start(now);
}

UplinkShare Forwarder::share_of(const std::string& name) const {
  return entries_.at(name).share.value_or(UplinkShare::kFull);
}

Forwarder::UplinkStatus Forwarder::uplink() const {
  UplinkStatus status{uplink_.full(), uplink_.limit_bps(), uplink_.wanted_bps(), {}, {}};
  for (const auto& [name, one] : entries_) {
    if (one.share == UplinkShare::kThin) status.thinned.push_back(name);
    if (one.share == UplinkShare::kHeld) status.held.push_back(name);
  }
  return status;
}

}  // namespace stream::media

// The stream as some destinations get it: which of the input's tracks, and which of them encoded
// anew. Destinations with equal plans share one, and with it every message. Sound waits until
// pictures that are being encoded have come as far. On the io context's thread.
#pragma once
#include <deque>
#include <optional>
#include <vector>

#include "encode/rung_spec.h"
#include "forward/destination.h"
#include "forward/feed.h"

namespace stream::media {

class ForwardEncodes;

struct RenditionPlan {
  int video = -1, audio = -1;       // of the input's tracks; -1: none
  std::optional<RungSpec> picture;  // encoded so; else copied
  bool sound = false;               // encoded to AAC; else copied
  friend bool operator==(const RenditionPlan&, const RenditionPlan&) = default;
};

class Rendition {
 public:
  explicit Rendition(RenditionPlan plan) : plan_(std::move(plan)) {}
  Rendition(const Rendition&) = delete;

  const RenditionPlan& plan() const noexcept { return plan_; }
  const ForwardFeed& feed() const noexcept { return feed_; }
  std::vector<ForwardDestination*> users;

  void set_tracks(const av::Tracks& input, const ForwardEncodes& encodes);
  // Packets of the input, which are copied or not for this rendition.
  void copied(const av::Packet& packet, Nanoseconds shift);
  void encoded_picture(av::Packet packet);
  void encoded_sound(av::Packet packet);
  // The input is gone: what waits goes out, newcomers get nothing of it.
  void forget();
  void end() { release(true); }
  // Nothing comes any more.
  void close();

 private:
  struct Waiting {
    av::Packet packet;
    Nanoseconds shift, time;
  };
  void take(const av::Packet& packet, Nanoseconds shift);
  void take_sound(const av::Packet& packet, Nanoseconds shift);
  void release(bool all);
  Nanoseconds time_of(const av::Packet& packet, Nanoseconds shift) const;

  const RenditionPlan plan_;
  ForwardFeed feed_;
  av::Tracks tracks_;
  bool closed_ = false;
  std::deque<Waiting> waiting_;
  Nanoseconds picture_at_{Nanoseconds::min()};
};

// The first track of a kind; -1: there is none.
int first_of(const av::Tracks& tracks, av::MediaType type);

// The input's tracks as the plan makes them; those that are not sent are data.
av::Tracks planned_tracks(const RenditionPlan& plan, const av::Tracks& input,
                          const ForwardEncodes& encodes);

}  // namespace stream::media

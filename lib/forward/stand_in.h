// What destinations get while the input is away: its last picture and silence, made once in the
// parameters of its own tracks, for as long as it takes. On the io context's thread; the making has
// one of its own.
#pragma once
#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>
#include <vector>

#include "media/slate.h"
#include "net/offload.h"

namespace stream::media {

class StandIn {
 public:
  explicit StandIn(boost::asio::io_context& io) : offload_(io) {}
  ~StandIn() { stop(); }
  StandIn(const StandIn&) = delete;

  // Packets of the input as they come, on any timeline.
  void saw(const av::Packet& packet, const av::Tracks& tracks);
  // The input is gone; its stand-in is ready() a little later.
  void start(const av::Tracks& tracks);
  void stop();
  bool ready() const noexcept { return player_ != nullptr; }
  // The next packet of what is to be shown up to `elapsed` after the beginning; its times are in
  // the base of the input's track, from 0. The first ones carry their codec configuration.
  std::optional<av::Packet> due(Nanoseconds elapsed);

 private:
  net::Offload offload_;
  std::vector<av::Packet> group_;  // from the newest keyframe on
  size_t group_bytes_ = 0;
  bool full_ = false;  // the rest of the group is not kept
  Buffer extradata_;   // of the picture, since it was told anew
  av::Tracks tracks_;
  std::shared_ptr<const Slate> slate_;
  std::unique_ptr<SlatePlayer> player_;
  std::vector<bool> told_;
  std::shared_ptr<bool> wanted_;
};

}  // namespace stream::media

// A sitting at an SRT listener, or met halfway: the stream as MPEG-TS. The peer is not trusted. On
// the io context's thread.
#pragma once
#include <functional>
#include <memory>

#include "av/track.h"
#include "forward/rtmp_link.h"
#include "net/address_turns.h"

namespace stream::media {

// Where the packets of the messages come from; asked when media begins, and when it changes.
using TracksSource = std::function<av::Tracks()>;

struct SrtLinkOptions {
  TracksSource tracks;  // may be empty where no media will be sent
  // Of all links to this destination.
  std::shared_ptr<net::AddressTurns> turns = std::make_shared<net::AddressTurns>();
};

std::shared_ptr<ForwardLink> make_srt_link(ForwardNetwork& network, ForwardTarget target,
                                           SrtLinkOptions options, ForwardLinkHost& host);

}  // namespace stream::media

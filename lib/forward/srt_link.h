// A sitting at an SRT listener, or met halfway: the stream as MPEG-TS. The peer is not trusted. On
// the io context's thread.
#pragma once
#include <memory>

#include "forward/rtmp_link.h"
#include "forward/ts_packer.h"
#include "net/address_turns.h"

namespace stream::media {

struct SrtLinkOptions {
  TracksSource tracks;  // may be empty where no media will be sent
  // Of all links to this destination.
  std::shared_ptr<net::AddressTurns> turns = std::make_shared<net::AddressTurns>();
};

std::shared_ptr<ForwardLink> make_srt_link(ForwardNetwork& network, ForwardTarget target,
                                           SrtLinkOptions options, ForwardLinkHost& host);

}  // namespace stream::media

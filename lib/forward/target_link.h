// The link that reads first where to go, for the source of an address may hold RTMP's or SRT's,
// and then is that one's. On the io context's thread.
#pragma once
#include <functional>
#include <memory>

#include "forward/rtmp_link.h"
#include "forward/srt_link.h"

namespace stream::media {

// Blocks and may throw Error: reads the address and the key. Called on another thread.
using TargetSource = std::function<ForwardTarget()>;

// `rtmp` holds no target.
std::shared_ptr<ForwardLink> make_target_link(ForwardNetwork& network, TargetSource target,
                                              RtmpLinkOptions rtmp, SrtLinkOptions srt,
                                              ForwardLinkHost& host);

}  // namespace stream::media

// A sitting at an SRT listener, or met halfway: the stream as MPEG-TS. And the link that reads
// where to first and then is RTMP's or SRT's, for the source of an address may hold either. The
// peer is not trusted. On the io context's thread.
#pragma once
#include <functional>
#include <memory>

#include "av/track.h"
#include "forward/rtmp_link.h"

namespace stream::media {

// Where the packets of the messages come from; asked when media begins, and when it changes.
using TracksSource = std::function<av::Tracks()>;

std::shared_ptr<ForwardLink> make_srt_link(ForwardNetwork& network, ForwardTarget target,
                                           TracksSource tracks, ForwardLinkHost& host);

// `tracks` may be empty where no media will be sent.
std::shared_ptr<ForwardLink> make_link(ForwardNetwork& network, RtmpLinkOptions options,
                                       TracksSource tracks, ForwardLinkHost& host);

}  // namespace stream::media

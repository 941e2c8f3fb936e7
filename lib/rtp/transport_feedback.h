// The body of transport-wide feedback, the one RTCP packet with a coding of its own
// (draft-holmer-rmcat-transport-wide-cc-extensions-01 3.1). For rtp/rtcp.cpp.
#pragma once
#include "rtp/rtcp.h"

namespace stream::rtp {

// nullopt: damaged, of no packet, or of more than kMaxFeedback.
inline constexpr size_t kMaxFeedback = 4096;
std::optional<Rtcp> read_transport_feedback(ByteReader& in);
// Pads to whole words. Of more packets than kMaxFeedback the first are written.
void write_transport_feedback(ByteWriter& out, const TransportFeedback& feedback);

}  // namespace stream::rtp

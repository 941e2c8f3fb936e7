// AV1 and VP9 configuration records: av1C (AV1-ISOBMFF 2.3) with its sequence header (AV1 5.5), and
// vpcC (VP Codec ISO Media File Format Binding 1.0) with the VP9 frame header that can stand in for
// it.
#pragma once
#include <optional>

#include "codec/description.h"

namespace stream::codec {

// av1C, bare OBUs that hold a sequence header (what encoders put into extradata), or nothing.
std::optional<Description> describe_av1(Bytes extradata);

// vpcC with or without its full-box header, or nothing (then profile 0, 8 bits, level unknown).
std::optional<Description> describe_vp9(Bytes extradata);
// From a keyframe's uncompressed header (VP9 6.2): profile, depth, size, colour.
std::optional<Description> describe_vp9_frame(Bytes frame);

}  // namespace stream::codec

// NAL units in both packagings: Annex B (start codes) and length-prefixed (ISO/IEC 14496-15). Pure
// functions over bytes; a broken length is a value, never a read past the end.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/buffer.h"

namespace stream::codec {

// Starts with 00 00 01 or 00 00 00 01. An avcC (first byte 1) never does.
bool is_annexb(Bytes bytes);

// The NAL units between start codes, without trailing zero bytes; empty ones are left out.
std::vector<Bytes> split_annexb(Bytes bytes);

// nullopt when a length runs past the end. `length_size` is 1, 2 or 4 (lengthSizeMinusOne + 1).
std::optional<std::vector<Bytes>> split_length_prefixed(Bytes bytes, int length_size);

// 4-byte lengths, as every sample entry of ours declares.
Buffer annexb_to_length_prefixed(Bytes bytes);
// The parameter sets of an avcC or hvcC (`codec`: "h264", "hevc") with lengths of its own size, to
// stand before a keyframe; empty: it has none or is damaged.
std::vector<uint8_t> length_prefixed_parameter_sets(std::string_view codec, Bytes config);
std::optional<Buffer> length_prefixed_to_annexb(Bytes bytes, int length_size);

// For a track whose extradata is Annex B: the parameter sets in `packet` as new extradata when
// their SPS is not the one in force. Empty when nothing changes, and for every other track.
Buffer changed_in_band(std::string_view codec, Bytes extradata, Bytes packet);

// The payload without emulation prevention bytes (H.264 7.4.1.1), at most `limit` bytes of it.
std::vector<uint8_t> unescape(Bytes nal, size_t limit = 4096);

}  // namespace stream::codec

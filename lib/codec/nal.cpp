#include "codec/nal.h"

#include <algorithm>
#include <cstring>

namespace stream::codec {

bool is_annexb(Bytes b) {
  if (b.size() < 4 || b[0] != 0 || b[1] != 0) return false;
  return b[2] == 1 || (b[2] == 0 && b[3] == 1);
}

namespace {

// The position of the next 00 00 01 at or after `from`; size() when there is none.
size_t next_start_code(Bytes b, size_t from) {
  // Looks for the 01, which is rarer than the zeros before it.
  for (size_t at = from + 2; at < b.size();) {
    const void* one = std::memchr(b.data() + at, 1, b.size() - at);
    if (!one) break;
    at = static_cast<size_t>(static_cast<const uint8_t*>(one) - b.data());
    if (b[at - 1] == 0 && b[at - 2] == 0) return at - 2;
    ++at;
  }
  return b.size();
}

uint32_t read_length(const uint8_t* p, int size) {
  uint32_t value = 0;
  for (int i = 0; i < size; ++i) value = value << 8 | p[i];
  return value;
}

void write_length(uint8_t* p, size_t value) {
  for (int i = 3; i >= 0; --i, value >>= 8) p[i] = static_cast<uint8_t>(value);
}

}  // namespace

std::vector<Bytes> split_annexb(Bytes bytes) {
  std::vector<Bytes> nals;
  size_t at = next_start_code(bytes, 0);
  while (at < bytes.size()) {
    const size_t begin = at + 3;
    const size_t next = next_start_code(bytes, begin);
    size_t end = next;
    while (end > begin && bytes[end - 1] == 0)
      --end;  // trailing_zero_8bits, or a 4-byte start code
    if (end > begin) nals.push_back(bytes.subspan(begin, end - begin));
    at = next;
  }
  return nals;
}

std::optional<std::vector<Bytes>> split_length_prefixed(Bytes bytes, int length_size) {
  const auto prefix = static_cast<size_t>(length_size);
  std::vector<Bytes> nals;
  while (!bytes.empty()) {
    if (bytes.size() < prefix) return std::nullopt;
    const size_t length = read_length(bytes.data(), length_size);
    if (length > bytes.size() - prefix) return std::nullopt;
    if (length > 0) nals.push_back(bytes.subspan(prefix, length));
    bytes = bytes.subspan(prefix + length);
  }
  return nals;
}

namespace {

Buffer join(const std::vector<Bytes>& nals, bool lengths) {
  size_t size = 0;
  for (const Bytes nal : nals) size += 4 + nal.size();
  BufferBuilder builder(size);
  uint8_t* out = builder.data();
  for (const Bytes nal : nals) {
    write_length(out, lengths ? nal.size() : 1);
    std::memcpy(out + 4, nal.data(), nal.size());
    out += 4 + nal.size();
  }
  return std::move(builder).finish();
}

}  // namespace

Buffer annexb_to_length_prefixed(Bytes bytes) {
  return join(split_annexb(bytes), true);
}

// ISO/IEC 14496-15 5.3.3.1 (avcC) and 8.3.3.1 (hvcC).
std::vector<uint8_t> length_prefixed_parameter_sets(std::string_view codec, Bytes config) {
  const bool hevc = codec == "hevc";
  const size_t head = hevc ? 23 : 6;
  if (config.size() < head) return {};
  const size_t length_size = (config[hevc ? 21 : 4] & 3u) + 1;
  std::vector<uint8_t> sets;
  size_t at = head;
  const auto take = [&](size_t count) {
    for (; count > 0; --count) {
      if (config.size() - at < 2) return false;
      const size_t size = static_cast<size_t>(config[at]) << 8 | config[at + 1];
      at += 2;
      if (size == 0 || size > config.size() - at) return false;
      if (length_size < 2 && size > 255) return false;
      for (size_t i = length_size; i-- > 0;)
        sets.push_back(i < sizeof(uint16_t) ? static_cast<uint8_t>(size >> (8 * i)) : uint8_t{0});
      sets.insert(sets.end(), config.begin() + at, config.begin() + at + size);
      at += size;
    }
    return true;
  };
  if (!hevc) {
    if (!take(config[5] & 31u) || at == config.size()) return {};
    const size_t count = config[at++];
    return take(count) ? sets : std::vector<uint8_t>{};
  }
  for (int arrays = config[22]; arrays > 0; --arrays) {
    if (config.size() - at < 3) return {};
    const size_t count = static_cast<size_t>(config[at + 1]) << 8 | config[at + 2];
    at += 3;
    if (!take(count)) return {};
  }
  return sets;
}

std::optional<Buffer> length_prefixed_to_annexb(Bytes bytes, int length_size) {
  const auto nals = split_length_prefixed(bytes, length_size);
  if (!nals) return std::nullopt;
  return join(*nals, false);
}

Buffer changed_in_band(std::string_view codec, Bytes extradata, Bytes packet) {
  const bool h264 = codec == "h264";
  if ((!h264 && codec != "hevc") || !is_annexb(extradata) || !is_annexb(packet)) return {};
  const auto type = [&](Bytes nal) { return h264 ? nal[0] & 31 : nal[0] >> 1 & 63; };
  const auto is_sps = [&](Bytes nal) { return type(nal) == (h264 ? 7 : 33); };
  const auto first_sps = [&](const std::vector<Bytes>& nals) {
    const auto at = std::find_if(nals.begin(), nals.end(), is_sps);
    return at == nals.end() ? Bytes() : *at;
  };
  std::vector<Bytes> sets = split_annexb(packet);
  // VPS, SPS and PPS: 7 and 8, or 32 to 34.
  std::erase_if(sets, [&](Bytes nal) {
    return h264 ? type(nal) != 7 && type(nal) != 8 : type(nal) < 32 || type(nal) > 34;
  });
  const Bytes now = first_sps(sets), before = first_sps(split_annexb(extradata));
  if (now.empty() || std::equal(now.begin(), now.end(), before.begin(), before.end())) return {};
  return join(sets, false);
}

std::vector<uint8_t> unescape(Bytes nal, size_t limit) {
  std::vector<uint8_t> out;
  out.reserve(std::min(nal.size(), limit));
  int zeros = 0;
  for (const uint8_t byte : nal) {
    if (out.size() >= limit) break;
    if (zeros >= 2 && byte == 3) {
      zeros = 0;
      continue;
    }
    zeros = byte == 0 ? zeros + 1 : 0;
    out.push_back(byte);
  }
  return out;
}

}  // namespace stream::codec

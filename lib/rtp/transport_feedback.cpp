#include "rtp/transport_feedback.h"

#include <algorithm>
#include <span>

namespace stream::rtp {
namespace {

enum Symbol : uint8_t { kNotReceived, kSmall, kLarge };  // 3.1.1: what follows of it
constexpr size_t kMaxRun = 8191, kOneBit = 14, kTwoBits = 7;

Symbol symbol_of(const std::optional<int16_t>& delta) {
  if (!delta) return kNotReceived;
  return *delta >= 0 && *delta <= 255 ? kSmall : kLarge;
}

// 3.1.3 and 3.1.4; the largest chunk that the next symbols allow. Returns how many it says.
size_t write_chunk(ByteWriter& out, std::span<const Symbol> symbols) {
  const auto differs = std::find_if(symbols.begin(), symbols.end(),
                                    [&](Symbol symbol) { return symbol != symbols.front(); });
  const auto run = std::min(kMaxRun, static_cast<size_t>(differs - symbols.begin()));
  const auto one_bit = symbols.first(std::min(kOneBit, symbols.size()));
  const bool small = std::find(one_bit.begin(), one_bit.end(), kLarge) == one_bit.end();
  const size_t bits = small ? kOneBit : kTwoBits;
  if (run >= std::min(bits, symbols.size())) {
    out.u16(static_cast<uint16_t>(symbols.front() << 13 | run));
    return run;
  }
  const auto listed = symbols.first(std::min(bits, symbols.size()));
  unsigned chunk = small ? 0x8000 : 0xc000;
  for (size_t i = 0; i < listed.size(); ++i)
    chunk |= unsigned{listed[i]} << (small ? kOneBit - 1 - i : 2 * (kTwoBits - 1 - i));
  out.u16(static_cast<uint16_t>(chunk));
  return listed.size();
}

void read_chunk(uint16_t chunk, size_t wanted, std::vector<uint8_t>& symbols) {
  const auto put = [&](unsigned symbol) {
    if (symbols.size() < wanted) symbols.push_back(static_cast<uint8_t>(symbol));
  };
  if (!(chunk & 0x8000)) {
    for (size_t i = 0; i < (chunk & 0x1fffu); ++i) put(chunk >> 13 & 3u);
  } else if (chunk & 0x4000) {
    for (size_t i = 0; i < kTwoBits; ++i) put(chunk >> 2 * (kTwoBits - 1 - i) & 3u);
  } else {
    for (size_t i = 0; i < kOneBit; ++i) put(chunk >> (kOneBit - 1 - i) & 1u);
  }
}

}  // namespace

std::optional<Rtcp> read_transport_feedback(ByteReader& in) {
  TransportFeedback feedback;
  feedback.sender = in.u32();
  feedback.media = in.u32();
  feedback.base = in.u16();
  const size_t packets = in.u16();
  feedback.reference = in.u24();
  feedback.count = in.u8();
  if (packets == 0 || packets > kMaxFeedback) return std::nullopt;
  std::vector<uint8_t> symbols;
  while (symbols.size() < packets && in.ok()) {
    const size_t before = symbols.size();
    read_chunk(in.u16(), packets, symbols);
    if (symbols.size() == before) return std::nullopt;  // a run of none
  }
  for (const uint8_t symbol : symbols) {
    if (symbol > kLarge) return std::nullopt;
    std::optional<int16_t> delta;
    if (symbol == kSmall) delta = in.u8();
    if (symbol == kLarge) delta = static_cast<int16_t>(in.u16());
    feedback.deltas.push_back(delta);
  }
  return feedback;
}

void write_transport_feedback(ByteWriter& out, const TransportFeedback& feedback) {
  const std::span deltas =
      std::span(feedback.deltas).first(std::min(feedback.deltas.size(), kMaxFeedback));
  const size_t begin = out.size();
  out.u32(feedback.sender);
  out.u32(feedback.media);
  out.u16(feedback.base);
  out.u16(static_cast<uint16_t>(deltas.size()));
  out.u24(feedback.reference & 0xffffff);
  out.u8(feedback.count);
  std::vector<Symbol> symbols;
  for (const auto& delta : deltas) symbols.push_back(symbol_of(delta));
  for (std::span<const Symbol> rest = symbols; !rest.empty();)
    rest = rest.subspan(write_chunk(out, rest));
  for (const auto& delta : deltas) {
    if (symbol_of(delta) == kSmall) out.u8(static_cast<uint8_t>(*delta));
    if (symbol_of(delta) == kLarge) out.u16(static_cast<uint16_t>(*delta));
  }
  out.zeros((4 - (out.size() - begin) % 4) % 4);
}

}  // namespace stream::rtp

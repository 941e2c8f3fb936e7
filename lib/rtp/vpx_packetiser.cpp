// VP8 (RFC 7741) and VP9 (RFC 9628, not flexible, without layers), each with a 15-bit picture id.
#include "codec/av1.h"
#include "rtp/packetisers.h"

namespace stream::rtp {
namespace {

class VpxPacketiser : public Packetiser {
 public:
  VpxPacketiser(bool vp9, size_t max) : vp9_(vp9), max_(max) {}

  void configure(Bytes) override {}

  std::vector<Payload> packetise(Bytes unit, bool key) override {
    std::vector<Payload> out;
    if (unit.empty()) return out;
    const auto parts = even_parts(unit, max_ - 4);
    for (size_t i = 0; i < parts.size(); ++i) {
      const bool first = i == 0, last = i + 1 == parts.size();
      out.push_back({joined(vp9_ ? vp9_head(first, last, key) : vp8_head(first), parts[i]), last});
    }
    picture_ = (picture_ + 1) & 0x7fff;
    return out;
  }

 private:
  // X and S, partition 0; I; the picture id with M.
  std::vector<uint8_t> vp8_head(bool first) const {
    return {static_cast<uint8_t>(first ? 0x90 : 0x80), 0x80,
            static_cast<uint8_t>(0x80 | picture_ >> 8), static_cast<uint8_t>(picture_)};
  }
  // I, P where it is predicted, B at the beginning, E at the end; the picture id with M.
  std::vector<uint8_t> vp9_head(bool first, bool last, bool key) const {
    const int flags = 0x80 | (key ? 0 : 0x40) | (first ? 0x08 : 0) | (last ? 0x04 : 0);
    return {static_cast<uint8_t>(flags), static_cast<uint8_t>(0x80 | picture_ >> 8),
            static_cast<uint8_t>(picture_)};
  }

  const bool vp9_;
  const size_t max_;
  uint16_t picture_ = 0;
};

}  // namespace

std::unique_ptr<Packetiser> make_vp8_packetiser(size_t max) {
  return std::make_unique<VpxPacketiser>(false, max);
}
std::unique_ptr<Packetiser> make_vp9_packetiser(size_t max) {
  return std::make_unique<VpxPacketiser>(true, max);
}

}  // namespace stream::rtp

// AV1: RTP Payload Format For AV1 1.0, section 4. Every element has its length (W is 0), so that
// packets can be filled without a plan.
#include <algorithm>

#include "rtp/obu.h"
#include "rtp/packetisers.h"

namespace stream::rtp {
namespace {

constexpr size_t kLength = 2;  // bytes of the length of an element that fits into a packet

class Av1Packetiser : public Packetiser {
 public:
  explicit Av1Packetiser(size_t max) : max_(max) {}

  // The sequence header out of av1C (AV1-ISOBMFF 2.3), or bare OBUs.
  void configure(Bytes extradata) override {
    if (extradata.size() >= 4 && extradata[0] == 0x81) extradata = extradata.subspan(4);
    sequence_ = Buffer::copy(extradata);
  }

  std::vector<Payload> packetise(Bytes unit, bool key) override {
    std::vector<Obu> obus;
    bool has_sequence = false;
    if (!read_all(unit, obus, has_sequence) || obus.empty()) return {};
    if (key && !has_sequence) {
      std::vector<Obu> config;
      if (!read_all(sequence_, config, has_sequence)) return {};
      obus.insert(obus.begin(), config.begin(), config.end());
    }
    std::vector<Payload> out;
    ByteWriter packet;
    packet.u8(key ? kObuNewSequence : 0);
    for (const Obu& obu : obus) {
      ByteWriter bare;
      write_obu(bare, obu, false);
      add(bare.view(), packet, out);
    }
    out.push_back({Buffer::copy(packet.view()), true});
    return out;
  }

 private:
  static bool read_all(Bytes bytes, std::vector<Obu>& obus, bool& has_sequence) {
    ByteReader reader(bytes);
    while (reader.remaining() > 0) {
      const auto obu = read_obu(reader);
      if (!obu) return false;
      has_sequence = has_sequence || obu->type == kObuSequenceHeader;
      if (!obu->left_out()) obus.push_back(*obu);
    }
    return true;
  }

  void add(Bytes element, ByteWriter& packet, std::vector<Payload>& out) const {
    while (true) {
      const size_t room = max_ - packet.size();
      if (room <= kLength) {
        flush(packet, out, false);
        continue;
      }
      const Bytes part = element.first(std::min(element.size(), room - kLength));
      write_leb128(packet, part.size());
      packet.bytes(part);
      element = element.subspan(part.size());
      if (element.empty()) return;
      flush(packet, out, true);
    }
  }

  static void flush(ByteWriter& packet, std::vector<Payload>& out, bool goes_on) {
    std::vector<uint8_t> bytes = packet.take();
    if (goes_on) bytes[0] |= kObuGoesOn;
    out.push_back({Buffer::copy(bytes), false});
    packet = {};
    packet.u8(goes_on ? kObuContinues : 0);
  }

  const size_t max_;
  Buffer sequence_;
};

}  // namespace

std::unique_ptr<Packetiser> make_av1_packetiser(size_t max) {
  return std::make_unique<Av1Packetiser>(max);
}

}  // namespace stream::rtp

// VP8 (RFC 7741) and VP9 (RFC 9628). Of VP9 with spatial layers the lowest one alone, which can be
// decoded by itself.
#include "base/bytes.h"
#include "codec/av1.h"
#include "codec/bits.h"
#include "rtp/unit_assembler.h"

namespace stream::rtp {
namespace {

struct Frame {
  Bytes data;
  bool start = false;  // begins a frame
  int layer = 0;       // spatial
};

// RFC 7741 4.2.
std::optional<Frame> parse_vp8(Bytes payload) {
  ByteReader reader(payload);
  const uint8_t first = reader.u8();
  if (first & 0x80) {
    const uint8_t parts = reader.u8();
    if ((parts & 0x80) && (reader.u8() & 0x80)) reader.u8();  // picture id of 7 or 15 bits
    if (parts & 0x40) reader.u8();                            // TL0PICIDX
    if (parts & 0x30) reader.u8();                            // TID, KEYIDX
  }
  Frame frame;
  frame.start = (first & 0x10) != 0 && (first & 7) == 0;
  frame.data = reader.rest();
  if (!reader.ok() || frame.data.empty()) return std::nullopt;
  return frame;
}

// RFC 9628 4.2.1.
void skip_scalability_structure(ByteReader& reader) {
  const uint8_t head = reader.u8();
  if (head & 0x10) reader.skip(size_t{4} * ((head >> 5) + 1u));
  if (!(head & 0x08)) return;
  for (unsigned pictures = reader.u8(); pictures > 0 && reader.ok(); --pictures)
    reader.skip(reader.u8() >> 2 & 3);
}

// RFC 9628 4.2.
std::optional<Frame> parse_vp9(Bytes payload) {
  ByteReader reader(payload);
  const uint8_t first = reader.u8();
  const bool picture_id = first & 0x80, predicted = first & 0x40, layers = first & 0x20,
             flexible = first & 0x10;
  Frame frame;
  if (picture_id && (reader.u8() & 0x80)) reader.u8();
  if (layers) {
    frame.layer = reader.u8() >> 1 & 7;
    if (!flexible) reader.u8();  // TL0PICIDX
  }
  if (flexible && predicted) {
    for (int i = 0; i < 3 && (reader.u8() & 1) != 0; ++i) {
    }
  }
  if (first & 0x02) skip_scalability_structure(reader);
  frame.start = first & 0x08;
  frame.data = reader.rest();
  if (!reader.ok() || frame.data.empty()) return std::nullopt;
  return frame;
}

class VpxDepacketiser : public UnitAssembler {
 public:
  explicit VpxDepacketiser(bool vp9) : vp9_(vp9) {}

 private:
  std::optional<Frame> parse(Bytes payload) const {
    return vp9_ ? parse_vp9(payload) : parse_vp8(payload);
  }
  bool starts_unit(Bytes payload) const override {
    const auto frame = parse(payload);
    return frame && frame->start && frame->layer == 0;
  }
  bool add(Bytes payload) override {
    const auto frame = parse(payload);
    if (!frame) return false;
    if (frame->layer > 0) return true;
    if (bytes_.empty() != frame->start || bytes_.size() + frame->data.size() > kMaxUnit)
      return false;
    bytes_.insert(bytes_.end(), frame->data.begin(), frame->data.end());
    return true;
  }
  bool finish(AccessUnit& unit) override {
    if (bytes_.empty()) return true;
    unit.data = Buffer::copy(bytes_);
    if (vp9_) {
      const auto says = codec::describe_vp9_frame(bytes_);
      unit.key = says.has_value();
      if (says) unit.width = says->width, unit.height = says->height;
      return true;
    }
    // RFC 6386 9.1
    if (bytes_[0] & 1) return true;
    if (bytes_.size() < 10 || bytes_[3] != 0x9d || bytes_[4] != 0x01 || bytes_[5] != 0x2a)
      return false;
    unit.key = true;
    unit.width = (bytes_[6] | bytes_[7] << 8) & 0x3fff;
    unit.height = (bytes_[8] | bytes_[9] << 8) & 0x3fff;
    return true;
  }
  void reset() override { bytes_.clear(); }

  const bool vp9_;
  std::vector<uint8_t> bytes_;
};

}  // namespace

std::unique_ptr<Depacketiser> make_vp8_depacketiser() {
  return std::make_unique<VpxDepacketiser>(false);
}
std::unique_ptr<Depacketiser> make_vp9_depacketiser() {
  return std::make_unique<VpxDepacketiser>(true);
}

}  // namespace stream::rtp

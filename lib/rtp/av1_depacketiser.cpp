// AV1: RTP Payload Format For AV1 1.0, section 4.
#include "codec/av1.h"

#include "rtp/obu.h"
#include "rtp/unit_assembler.h"

namespace stream::rtp {
namespace {

class Av1Depacketiser : public UnitAssembler {
  // Only a new coded video sequence is known to begin a temporal unit.
  bool starts_unit(Bytes payload) const override {
    return (payload[0] & (kObuContinues | kObuNewSequence)) == kObuNewSequence;
  }

  bool add(Bytes payload) override {
    const uint8_t head = payload[0];
    const unsigned count = head >> 4 & 3;
    ByteReader reader(payload.subspan(1));
    if (((head & kObuContinues) != 0) != open_ || reader.remaining() == 0) return false;
    for (unsigned i = 1; reader.remaining() > 0; ++i) {
      std::optional<uint64_t> size = reader.remaining();
      if (i != count) size = read_leb128(reader);  // the last of a known number has none
      if (!size || *size > reader.remaining()) return false;
      const Bytes element = reader.bytes(static_cast<size_t>(*size));
      if (element_.size() + out_.size() + element.size() > kMaxUnit) return false;
      element_.insert(element_.end(), element.begin(), element.end());
      open_ = reader.remaining() == 0 && (head & kObuGoesOn) != 0;
      if (!open_ && !end_element()) return false;
      if (i == count) return reader.remaining() == 0;
    }
    return count == 0;
  }

  bool end_element() {
    ByteReader reader(element_);
    const auto obu = read_obu(reader);
    if (!obu || reader.remaining() > 0) return false;
    if (!obu->left_out()) {
      write_obu(out_, *obu, true);
      key_ = key_ || obu->is_key_frame();
    }
    if (obu->type == kObuSequenceHeader) {
      ByteWriter header;
      write_obu(header, *obu, true);
      sequence_ = header.take();
    }
    element_.clear();
    return true;
  }

  bool finish(AccessUnit& unit) override {
    if (open_) return false;
    unit.data = Buffer::copy(out_.view());
    if (!key_ || sequence_.empty()) return true;
    const auto says = codec::describe_av1(sequence_);
    if (!says) return false;
    unit.key = true;
    unit.width = says->width;
    unit.height = says->height;
    if (says->config != config_) {
      config_ = says->config;
      unit.extradata = Buffer::copy(config_);
    }
    return true;
  }

  void reset() override {
    out_.take();
    out_ = {};
    element_.clear();
    sequence_.clear();
    open_ = key_ = false;
  }

  ByteWriter out_;                 // the temporal unit, each OBU with its size
  std::vector<uint8_t> element_;   // the OBU that is not whole yet
  std::vector<uint8_t> sequence_;  // the unit's sequence header
  std::vector<uint8_t> config_;    // the last av1C
  bool open_ = false, key_ = false;
};

}  // namespace

std::unique_ptr<Depacketiser> make_av1_depacketiser() {
  return std::make_unique<Av1Depacketiser>();
}

}  // namespace stream::rtp

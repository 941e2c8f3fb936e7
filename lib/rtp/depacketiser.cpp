#include "rtp/depacketiser.h"

#include <deque>
#include <utility>

#include "base/bytes.h"
#include "rtp/unit_assembler.h"

namespace stream::rtp {
namespace {

constexpr size_t kMaxReady = 64;  // units; the caller takes them after each packet

class OpusDepacketiser : public Depacketiser {
 public:
  explicit OpusDepacketiser(int channels) {
    ByteWriter head;  // RFC 7845 5.1; nothing is to be skipped, what comes is live
    head.text("OpusHead");
    head.u8(1);
    head.u8(static_cast<uint8_t>(channels));
    head.u16(0);
    head.u32_le(48000);
    head.u16(0);
    head.u8(0);
    head_ = Buffer::copy(head.view());
  }

  void feed(const Packet& packet) override {
    if (packet.payload.empty() || packet.payload.size() > kMaxUnit) return;
    AccessUnit unit;
    unit.data = Buffer::copy(packet.payload);
    unit.timestamp = packet.timestamp;
    unit.key = true;
    unit.extradata = std::exchange(head_, {});
    if (units_.size() < kMaxReady) units_.push_back(std::move(unit));
  }
  void hole() override {}
  std::optional<AccessUnit> next() override {
    if (units_.empty()) return std::nullopt;
    std::optional<AccessUnit> unit(std::move(units_.front()));
    units_.pop_front();
    return unit;
  }
  uint64_t discarded() const override { return 0; }

 private:
  Buffer head_;
  std::deque<AccessUnit> units_;
};

}  // namespace

void UnitAssembler::feed(const Packet& packet) {
  if (packet.payload.empty()) return;  // padding that probes for bandwidth
  if (open_ && packet.timestamp != timestamp_) close();
  if (!open_) {
    open_ = true;
    timestamp_ = packet.timestamp;
    bad_ = after_hole_ && !starts_unit(packet.payload);
  }
  after_hole_ = false;
  if (!bad_ && !add(packet.payload)) bad_ = true;
  if (packet.marker) close();
}

void UnitAssembler::hole() {
  if (open_) bad_ = true;
  after_hole_ = true;
}

void UnitAssembler::close() {
  AccessUnit unit;
  unit.timestamp = timestamp_;
  if (bad_ || !finish(unit) || units_.size() >= kMaxReady)
    ++discarded_;
  else if (!unit.data.empty())
    units_.push_back(std::move(unit));
  reset();
  open_ = bad_ = false;
}

std::optional<AccessUnit> UnitAssembler::next() {
  if (units_.empty()) return std::nullopt;
  std::optional<AccessUnit> unit(std::move(units_.front()));
  units_.pop_front();
  return unit;
}

std::unique_ptr<Depacketiser> make_depacketiser(std::string_view codec, int channels) {
  if (codec == "h264") return make_nal_depacketiser(false);
  if (codec == "hevc") return make_nal_depacketiser(true);
  if (codec == "vp8") return make_vp8_depacketiser();
  if (codec == "vp9") return make_vp9_depacketiser();
  if (codec == "av1") return make_av1_depacketiser();
  if (codec == "opus") return std::make_unique<OpusDepacketiser>(channels);
  return nullptr;
}

}  // namespace stream::rtp

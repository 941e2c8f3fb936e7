// H.264 (RFC 6184, packetisation modes 0 and 1) and H.265 (RFC 7798, without DONL).
#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "codec/avc.h"
#include "codec/hevc.h"
#include "rtp/nal_packets.h"
#include "rtp/unit_assembler.h"

namespace stream::rtp {
namespace {

constexpr size_t kMaxNals = 2048;    // of one unit
constexpr size_t kMaxSets = 16;      // of one kind
constexpr size_t kMaxSet = 4 << 10;  // bytes

constexpr int kIdr = 5, kSei = 6, kAvcSps = 7, kAvcPps = 8, kDelimiter = 9, kFiller = 12;
constexpr int kHevcFirstIrap = 16, kHevcLastIrap = 23, kHevcLastVcl = 31, kHevcVps = 32,
              kHevcSps = 33, kHevcPps = 34, kHevcDelimiter = 35, kHevcFiller = 38,
              kHevcPrefixSei = 39;

class NalDepacketiser : public UnitAssembler {
 public:
  explicit NalDepacketiser(bool hevc) : hevc_(hevc), head_(hevc ? 2 : 1) {}

 private:
  enum class Kind { kOther, kPicture, kKeyPicture, kVps, kSps, kPps, kNone };
  using Sets = std::vector<std::vector<uint8_t>>;
  struct Nal {
    size_t offset = 0, size = 0;
    Kind kind = Kind::kOther;
  };

  int type_of(Bytes nal) const { return hevc_ ? nal[0] >> 1 & 63 : nal[0] & 31; }

  Kind kind_of(Bytes nal) const {
    const int type = type_of(nal);
    if (hevc_) {
      if (type >= kHevcFirstIrap && type <= kHevcLastIrap) return Kind::kKeyPicture;
      if (type <= kHevcLastVcl) return Kind::kPicture;
      if (type == kHevcVps) return Kind::kVps;
      if (type == kHevcSps) return Kind::kSps;
      if (type == kHevcPps) return Kind::kPps;
      return type == kHevcDelimiter || type == kHevcFiller ? Kind::kNone : Kind::kOther;
    }
    if (type == kIdr) return Kind::kKeyPicture;
    if (type >= 1 && type < kIdr) return Kind::kPicture;
    if (type == kAvcSps) return Kind::kSps;
    if (type == kAvcPps) return Kind::kPps;
    return type == kDelimiter || type == kFiller ? Kind::kNone : Kind::kOther;
  }

  // The first slice of a picture (first_mb_in_slice is 0, first_slice_segment_in_pic_flag is 1), or
  // what stands only before it.
  bool starts(int type, Bytes after_head) const {
    const bool first = !after_head.empty() && (after_head[0] & 0x80) != 0;
    if (hevc_)
      return type <= kHevcLastVcl ? first : type <= kHevcDelimiter || type == kHevcPrefixSei;
    return type >= 1 && type <= kIdr ? first : type >= kSei && type <= kDelimiter;
  }

  bool starts_unit(Bytes payload) const override {
    if (payload.size() <= head_) return false;
    const int type = type_of(payload);
    const Bytes rest = payload.subspan(head_);
    if (type == (hevc_ ? kHevcFu : kFuA))
      return (rest[0] & 0x80) != 0 && starts(rest[0] & (hevc_ ? 63 : 31), rest.subspan(1));
    if (type == (hevc_ ? kHevcAp : kStapA))
      return rest.size() > 2 + head_ && starts(type_of(rest.subspan(2)), rest.subspan(2 + head_));
    return starts(type, rest);
  }

  bool add(Bytes payload) override {
    if (payload.size() <= head_) return false;
    const int type = type_of(payload);
    if (type == (hevc_ ? kHevcFu : kFuA)) return add_fragment(payload);
    if (fragment_) return false;  // the one before lacks its end
    if (type == (hevc_ ? kHevcAp : kStapA)) {
      ByteReader reader(payload.subspan(head_));
      while (reader.remaining() > 0) {
        const Bytes nal = reader.bytes(reader.u16());
        if (!reader.ok() || nal.size() < head_ || !add_nal(nal)) return false;
      }
      return true;
    }
    if (hevc_ ? type > kHevcFu : type == 0 || type >= kStapA) return false;
    return add_nal(payload);
  }

  bool add_nal(Bytes nal) {
    if (nals_.size() >= kMaxNals || bytes_.size() + nal.size() > kMaxUnit) return false;
    nals_.push_back({bytes_.size(), nal.size(), kind_of(nal)});
    bytes_.insert(bytes_.end(), nal.begin(), nal.end());
    return true;
  }

  bool add_fragment(Bytes payload) {
    const uint8_t head = payload[head_];
    const Bytes rest = payload.subspan(head_ + 1);
    const bool start = head & 0x80, end = head & 0x40;
    if (start == fragment_ || (start && end)) return false;
    if (start) {
      std::array<uint8_t, 2> nal{};
      if (hevc_)
        nal = {static_cast<uint8_t>((payload[0] & 0x81) | (head & 63) << 1), payload[1]};
      else
        nal[0] = static_cast<uint8_t>((payload[0] & 0xe0) | (head & 31));
      if (!add_nal(Bytes(nal).first(head_))) return false;
    }
    if (bytes_.size() + rest.size() > kMaxUnit) return false;
    bytes_.insert(bytes_.end(), rest.begin(), rest.end());
    nals_.back().size += rest.size();
    fragment_ = !end;
    return true;
  }

  Bytes bytes_of(const Nal& nal) const { return Bytes(bytes_).subspan(nal.offset, nal.size); }

  bool finish(AccessUnit& unit) override {
    if (fragment_ || !take_sets()) return false;
    const auto has = [&](Kind kind) {
      return std::any_of(nals_.begin(), nals_.end(), [&](const Nal& n) { return n.kind == kind; });
    };
    const bool key = has(Kind::kKeyPicture);
    if (!key && !has(Kind::kPicture)) return true;  // parameter sets on their own
    if (key) {
      const auto config = build_config();
      if (!config) return false;
      if (*config != config_) {
        config_ = *config;
        unit.extradata = Buffer::copy(config_);
        const auto says = hevc_ ? codec::describe_hevc(config_) : codec::describe_avc(config_);
        if (!says) return false;
        width_ = says->width;
        height_ = says->height;
      }
      unit.key = true;
      unit.width = width_;
      unit.height = height_;
    }
    unit.data = join(key);
    return true;
  }

  // A kind of set that a unit carries replaces what was known of the kind. False: not bearable.
  bool take_sets() {
    for (const Kind kind : {Kind::kVps, Kind::kSps, Kind::kPps}) {
      Sets sets;
      for (const Nal& nal : nals_) {
        if (nal.kind != kind) continue;
        if (nal.size > kMaxSet || sets.size() >= kMaxSets) return false;
        const Bytes bytes = bytes_of(nal);
        std::vector<uint8_t> set(bytes.begin(), bytes.end());
        if (std::find(sets.begin(), sets.end(), set) == sets.end()) sets.push_back(std::move(set));
      }
      if (!sets.empty()) sets_of(kind) = std::move(sets);
    }
    return true;
  }

  Sets& sets_of(Kind kind) { return kind == Kind::kVps ? vps_ : kind == Kind::kSps ? sps_ : pps_; }

  std::optional<std::vector<uint8_t>> build_config() const {
    const auto spans = [](const Sets& sets) {
      return std::vector<Bytes>(sets.begin(), sets.end());
    };
    if (sps_.empty() || pps_.empty() || (hevc_ && vps_.empty())) return std::nullopt;
    if (!hevc_) return codec::build_avcc({4, spans(sps_), spans(pps_)});
    return codec::build_hvcc({4, spans(vps_), spans(sps_), spans(pps_)});
  }

  // Parameter sets of a key frame travel as configuration; elsewhere they stay where they are.
  Buffer join(bool key) const {
    const auto left_out = [&](const Nal& nal) {
      const bool set = nal.kind == Kind::kVps || nal.kind == Kind::kSps || nal.kind == Kind::kPps;
      return nal.kind == Kind::kNone || (key && set);
    };
    size_t size = 0;
    for (const Nal& nal : nals_)
      if (!left_out(nal)) size += 4 + nal.size;
    BufferBuilder builder(size);
    uint8_t* out = builder.data();
    for (const Nal& nal : nals_) {
      if (left_out(nal)) continue;
      for (int shift = 24; shift >= 0; shift -= 8) *out++ = static_cast<uint8_t>(nal.size >> shift);
      out = std::copy_n(bytes_.data() + nal.offset, nal.size, out);
    }
    return std::move(builder).finish();
  }

  void reset() override {
    bytes_.clear();
    if (bytes_.capacity() > kMaxUnit / 8) bytes_.shrink_to_fit();
    nals_.clear();
    fragment_ = false;
  }

  const bool hevc_;
  const size_t head_;           // bytes of a NAL unit header
  std::vector<uint8_t> bytes_;  // of the unit's NAL units, one after the other
  std::vector<Nal> nals_;
  bool fragment_ = false;  // the last of them is not whole yet
  Sets vps_, sps_, pps_;
  std::vector<uint8_t> config_;
  int width_ = 0, height_ = 0;
};

}  // namespace

std::unique_ptr<Depacketiser> make_nal_depacketiser(bool hevc) {
  return std::make_unique<NalDepacketiser>(hevc);
}

}  // namespace stream::rtp

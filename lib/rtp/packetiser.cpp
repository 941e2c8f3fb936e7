#include "rtp/packetiser.h"

#include <algorithm>
#include <array>

#include "codec/avc.h"
#include "codec/hevc.h"
#include "codec/nal.h"
#include "rtp/nal_packets.h"
#include "rtp/packetisers.h"

namespace stream::rtp {
namespace {

// An SEI of H.264 (7.3.2.3) with nothing but buffering periods and picture timing: they are for
// decoders that are paced by them, those of RTP have its timestamps. Encoders of constant bit rate
// put one before each picture, and it would be a packet of its own.
bool is_timing(Bytes nal) {
  if ((nal[0] & 31) != 6) return false;
  nal = nal.subspan(1);
  while (nal.size() > 2 && nal[0] <= 1 && nal.size() - 2 >= nal[1])
    nal = nal.subspan(size_t{2} + nal[1]);
  return nal.size() == 1 && nal[0] == 0x80;
}

// H.264 (RFC 6184, packetisation mode 1) and H.265 (RFC 7798).
class NalPacketiser : public Packetiser {
 public:
  NalPacketiser(bool hevc, size_t max) : hevc_(hevc), head_(hevc ? 2 : 1), max_(max) {}

  void configure(Bytes extradata) override {
    extradata_ = Buffer::copy(extradata);
    sets_.clear();
    length_size_ = 4;
    if (hevc_) {
      const auto config = codec::is_annexb(extradata_) ? codec::hevc_parameter_sets(extradata_)
                                                       : codec::parse_hvcc(extradata_);
      if (!config) return;
      length_size_ = config->length_size;
      for (const auto* list : {&config->vps, &config->sps, &config->pps})
        sets_.insert(sets_.end(), list->begin(), list->end());
      return;
    }
    const auto config = codec::is_annexb(extradata_) ? codec::avc_parameter_sets(extradata_)
                                                     : codec::parse_avcc(extradata_);
    if (!config) return;
    length_size_ = config->length_size;
    for (const auto* list : {&config->sps, &config->pps})
      sets_.insert(sets_.end(), list->begin(), list->end());
  }

  std::vector<Payload> packetise(Bytes unit, bool key) override {
    std::vector<Payload> out;
    std::vector<Bytes> nals;
    if (codec::is_annexb(unit) && (codec::is_annexb(extradata_) || extradata_.empty())) {
      nals = codec::split_annexb(unit);
    } else if (const auto split = codec::split_length_prefixed(unit, length_size_)) {
      nals = *split;
    }
    std::erase_if(nals, [&](Bytes nal) { return nal.size() < head_ || is_left_out(nal); });
    if (nals.empty()) return out;
    if (key && std::none_of(nals.begin(), nals.end(), [&](Bytes nal) { return is_set(nal); }))
      nals.insert(nals.begin(), sets_.begin(), sets_.end());
    for (size_t i = 0; i < nals.size();) {
      const size_t together = fit(nals, i);
      if (together > 1)
        out.push_back({aggregate(nals, i, together)});
      else if (nals[i].size() <= max_)
        out.push_back({Buffer::copy(nals[i])});
      else
        fragment(nals[i], out);
      i += together;
    }
    out.back().marker = true;
    return out;
  }

 private:
  int type_of(Bytes nal) const { return hevc_ ? nal[0] >> 1 & 63 : nal[0] & 31; }
  bool is_set(Bytes nal) const {
    const int type = type_of(nal);
    return hevc_ ? type >= 32 && type <= 34 : type == 7 || type == 8;
  }
  // Delimiters and filler are of no use in RTP.
  bool is_left_out(Bytes nal) const {
    const int type = type_of(nal);
    return hevc_ ? type == 35 || type == 38 : type == 9 || type == 12 || is_timing(nal);
  }

  // How many NAL units from `at` on go into one packet.
  size_t fit(const std::vector<Bytes>& nals, size_t at) const {
    size_t size = head_, count = 0;
    while (at + count < nals.size()) {
      size += 2 + nals[at + count].size();
      if (size > max_) break;
      ++count;
    }
    return std::max<size_t>(count, 1);
  }

  Buffer aggregate(const std::vector<Bytes>& nals, size_t at, size_t count) const {
    size_t size = head_;
    for (size_t i = at; i < at + count; ++i) size += 2 + nals[i].size();
    BufferBuilder builder(size);
    uint8_t* out = builder.data();
    if (hevc_) {  // layer 0, the lowest temporal id (RFC 7798 4.4.2)
      *out++ = kHevcAp << 1;
      *out++ = 1;
    } else {
      uint8_t importance = 0;  // the highest of them (RFC 6184 5.7)
      for (size_t i = at; i < at + count; ++i)
        importance = std::max<uint8_t>(importance, nals[i][0] & 0x60);
      *out++ = importance | kStapA;
    }
    for (size_t i = at; i < at + count; ++i) {
      *out++ = static_cast<uint8_t>(nals[i].size() >> 8);
      *out++ = static_cast<uint8_t>(nals[i].size());
      out = std::copy(nals[i].begin(), nals[i].end(), out);
    }
    return std::move(builder).finish();
  }

  void fragment(Bytes nal, std::vector<Payload>& out) const {
    std::array<uint8_t, 3> head{};
    if (hevc_)
      head = {static_cast<uint8_t>((nal[0] & 0x81) | kHevcFu << 1), nal[1],
              static_cast<uint8_t>(type_of(nal))};
    else
      head = {static_cast<uint8_t>((nal[0] & 0xe0) | kFuA), static_cast<uint8_t>(type_of(nal))};
    uint8_t& flags = head[head_];
    flags |= 0x80;
    const auto parts = even_parts(nal.subspan(head_), max_ - head_ - 1);
    for (size_t i = 0; i < parts.size(); ++i) {
      if (i + 1 == parts.size()) flags |= 0x40;
      out.push_back({joined(Bytes(head).first(head_ + 1), parts[i])});
      flags &= 0x3f;
    }
  }

  const bool hevc_;
  const size_t head_, max_;
  Buffer extradata_;
  std::vector<Bytes> sets_;  // of extradata_
  int length_size_ = 4;
};

// Opus (RFC 7587): the packet as it is.
class OpusPacketiser : public Packetiser {
 public:
  std::vector<Payload> packetise(Bytes unit, bool) override {
    if (unit.empty()) return {};
    return {Payload{Buffer::copy(unit), false}};
  }
  void configure(Bytes) override {}
};

}  // namespace

std::vector<Bytes> even_parts(Bytes bytes, size_t max) {
  const size_t count = std::max<size_t>(1, (bytes.size() + max - 1) / max);
  const size_t size = (bytes.size() + count - 1) / count;
  std::vector<Bytes> parts;
  while (parts.empty() || !bytes.empty()) {
    parts.push_back(bytes.first(std::min(size, bytes.size())));
    bytes = bytes.subspan(parts.back().size());
  }
  return parts;
}

Buffer joined(Bytes head, Bytes body) {
  BufferBuilder builder(head.size() + body.size());
  std::copy(body.begin(), body.end(), std::copy(head.begin(), head.end(), builder.data()));
  return std::move(builder).finish();
}

std::unique_ptr<Packetiser> make_packetiser(std::string_view codec, Bytes extradata,
                                            size_t max_payload) {
  std::unique_ptr<Packetiser> made;
  if (codec == "h264") made = std::make_unique<NalPacketiser>(false, max_payload);
  if (codec == "hevc") made = std::make_unique<NalPacketiser>(true, max_payload);
  if (codec == "vp8") made = make_vp8_packetiser(max_payload);
  if (codec == "vp9") made = make_vp9_packetiser(max_payload);
  if (codec == "av1") made = make_av1_packetiser(max_payload);
  if (codec == "opus") made = std::make_unique<OpusPacketiser>();
  if (made) made->configure(extradata);
  return made;
}

}  // namespace stream::rtp

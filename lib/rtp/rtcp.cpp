#include "rtp/rtcp.h"

#include <algorithm>

#include "rtp/transport_feedback.h"

namespace stream::rtp {
namespace {

constexpr uint8_t kSr = 200, kRr = 201, kSdes = 202, kBye = 203, kRtpfb = 205, kPsfb = 206;
constexpr uint8_t kFmtNack = 1, kFmtPli = 1, kFmtFir = 4, kFmtApplication = 15, kFmtTransport = 15;
constexpr uint8_t kCname = 1;
constexpr size_t kMaxPackets = 64;
constexpr size_t kMaxCount = 31;  // five bits
constexpr size_t kMaxNacks = 1024;
constexpr uint32_t kRembName = 0x52454d42;  // "REMB"

ReportBlock read_block(ByteReader& in) {
  ReportBlock block;
  block.ssrc = in.u32();
  block.fraction_lost = in.u8();
  block.lost = in.i24();
  block.highest_sequence = in.u32();
  block.jitter = in.u32();
  block.last_report = in.u32();
  block.delay_since_report = in.u32();
  return block;
}

std::vector<ReportBlock> read_blocks(ByteReader& in, unsigned count) {
  std::vector<ReportBlock> blocks;
  for (unsigned i = 0; i < count && in.ok(); ++i) blocks.push_back(read_block(in));
  return blocks;
}

std::optional<Rtcp> read_sender_report(ByteReader& in, unsigned count) {
  SenderReport report;
  report.ssrc = in.u32();
  report.ntp = in.u64();
  report.timestamp = in.u32();
  report.packets = in.u32();
  report.bytes = in.u32();
  report.blocks = read_blocks(in, count);
  return report;
}

std::optional<Rtcp> read_receiver_report(ByteReader& in, unsigned count) {
  ReceiverReport report;
  report.ssrc = in.u32();
  report.blocks = read_blocks(in, count);
  return report;
}

// Only the first chunk: whoever sends to us speaks for himself (RFC 3550 6.5).
std::optional<Rtcp> read_description(ByteReader& in, unsigned count) {
  if (count == 0) return std::nullopt;
  Description description;
  description.ssrc = in.u32();
  while (in.remaining() > 0) {
    const uint8_t item = in.u8();
    if (item == 0) break;
    const std::string_view text = in.text(in.u8());
    if (item == kCname) description.cname = text;
  }
  if (description.cname.empty()) return std::nullopt;
  return description;
}

std::optional<Rtcp> read_bye(ByteReader& in, unsigned count) {
  Bye bye;
  for (unsigned i = 0; i < count && in.ok(); ++i) bye.ssrcs.push_back(in.u32());
  return bye;
}

std::optional<Rtcp> read_nack(ByteReader& in) {
  Nack nack;
  nack.sender = in.u32();
  nack.media = in.u32();
  while (in.remaining() > 0 && nack.sequences.size() < kMaxNacks) {
    const uint16_t first = in.u16(), more = in.u16();
    if (!in.ok()) break;
    nack.sequences.push_back(first);
    for (unsigned bit = 0; bit < 16; ++bit)
      if (more >> bit & 1) nack.sequences.push_back(static_cast<uint16_t>(first + bit + 1));
  }
  return nack;
}

std::optional<Rtcp> read_fir(ByteReader& in) {
  Fir fir;
  fir.sender = in.u32();
  in.skip(4);
  while (in.remaining() > 0 && in.ok()) {
    const uint32_t ssrc = in.u32();
    const uint8_t sequence = in.u8();
    in.skip(3);
    if (in.ok()) fir.entries.push_back({ssrc, sequence});
  }
  return fir;
}

std::optional<Rtcp> read_remb(ByteReader& in) {
  Remb remb;
  remb.sender = in.u32();
  in.skip(4);
  if (in.u32() != kRembName) return std::nullopt;
  const unsigned count = in.u8();
  const uint32_t value = in.u24();
  const unsigned exponent = value >> 18;
  const uint64_t mantissa = value & 0x3ffff;
  remb.bit_rate = exponent > 45 ? UINT64_MAX : mantissa << exponent;
  for (unsigned i = 0; i < count && in.ok(); ++i) remb.ssrcs.push_back(in.u32());
  return remb;
}

std::optional<Rtcp> read_body(uint8_t type, unsigned count, ByteReader& in) {
  switch (type) {
    case kSr:
      return read_sender_report(in, count);
    case kRr:
      return read_receiver_report(in, count);
    case kSdes:
      return read_description(in, count);
    case kBye:
      return read_bye(in, count);
    case kRtpfb:
      if (count == kFmtTransport) return read_transport_feedback(in);
      return count == kFmtNack ? read_nack(in) : std::nullopt;
    case kPsfb:
      if (count == kFmtFir) return read_fir(in);
      if (count == kFmtApplication) return read_remb(in);
      if (count == kFmtPli) {
        const uint32_t sender = in.u32();
        return Pli{sender, in.u32()};
      }
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

// The head of a packet whose length is filled in when it goes out of scope.
class Head {
 public:
  Head(ByteWriter& out, uint8_t type, size_t count) : out_(out), begin_(out.size()) {
    out.u32(static_cast<uint32_t>(0x80u | count) << 24 | uint32_t{type} << 16);
  }
  Head(const Head&) = delete;
  ~Head() {
    const Bytes all = out_.view();
    const auto words = static_cast<uint32_t>((all.size() - begin_) / 4 - 1);
    const uint32_t head = uint32_t{all[begin_]} << 24 | uint32_t{all[begin_ + 1]} << 16 | words;
    out_.patch_u32(begin_, head);
  }

 private:
  ByteWriter& out_;
  size_t begin_;
};

void write_blocks(ByteWriter& out, const std::vector<ReportBlock>& blocks) {
  for (size_t i = 0; i < std::min(blocks.size(), kMaxCount); ++i) {
    const ReportBlock& block = blocks[i];
    out.u32(block.ssrc);
    out.u8(block.fraction_lost);
    out.u24(static_cast<uint32_t>(std::clamp(block.lost, -0x800000, 0x7fffff)) & 0xffffff);
    out.u32(block.highest_sequence);
    out.u32(block.jitter);
    out.u32(block.last_report);
    out.u32(block.delay_since_report);
  }
}

void write(ByteWriter& out, const SenderReport& report) {
  const Head head(out, kSr, std::min(report.blocks.size(), kMaxCount));
  out.u32(report.ssrc);
  out.u64(report.ntp);
  out.u32(report.timestamp);
  out.u32(report.packets);
  out.u32(report.bytes);
  write_blocks(out, report.blocks);
}

void write(ByteWriter& out, const ReceiverReport& report) {
  const Head head(out, kRr, std::min(report.blocks.size(), kMaxCount));
  out.u32(report.ssrc);
  write_blocks(out, report.blocks);
}

void write(ByteWriter& out, const Description& description) {
  const Head head(out, kSdes, 1);
  out.u32(description.ssrc);
  const std::string_view name = std::string_view(description.cname).substr(0, 255);
  out.u8(kCname);
  out.u8(static_cast<uint8_t>(name.size()));
  out.text(name);
  out.zeros(4 - (2 + name.size()) % 4);  // at least one: the end of the list
}

void write(ByteWriter& out, const Bye& bye) {
  const size_t count = std::min(bye.ssrcs.size(), kMaxCount);
  const Head head(out, kBye, count);
  for (size_t i = 0; i < count; ++i) out.u32(bye.ssrcs[i]);
}

void write(ByteWriter& out, const Nack& nack) {
  const Head head(out, kRtpfb, kFmtNack);
  out.u32(nack.sender);
  out.u32(nack.media);
  const size_t count = std::min(nack.sequences.size(), kMaxNacks);
  for (size_t i = 0; i < count;) {
    const uint16_t first = nack.sequences[i++];
    uint16_t more = 0;
    while (i < count) {
      const auto distance = static_cast<uint16_t>(nack.sequences[i] - first);
      if (distance == 0 || distance > 16) break;
      more = static_cast<uint16_t>(more | 1u << (distance - 1));
      ++i;
    }
    out.u16(first);
    out.u16(more);
  }
}

void write(ByteWriter& out, const Pli& pli) {
  const Head head(out, kPsfb, kFmtPli);
  out.u32(pli.sender);
  out.u32(pli.media);
}

void write(ByteWriter& out, const Fir& fir) {
  const Head head(out, kPsfb, kFmtFir);
  out.u32(fir.sender);
  out.u32(0);
  for (size_t i = 0; i < std::min(fir.entries.size(), kMaxCount); ++i) {
    out.u32(fir.entries[i].ssrc);
    out.u32(uint32_t{fir.entries[i].sequence} << 24);
  }
}

void write(ByteWriter& out, const Remb& remb) {
  const Head head(out, kPsfb, kFmtApplication);
  out.u32(remb.sender);
  out.u32(0);
  out.u32(kRembName);
  uint32_t exponent = 0;
  while (remb.bit_rate >> exponent > 0x3ffff) ++exponent;
  const size_t count = std::min(remb.ssrcs.size(), kMaxCount);
  out.u8(static_cast<uint8_t>(count));
  out.u24(exponent << 18 | static_cast<uint32_t>(remb.bit_rate >> exponent));
  for (size_t i = 0; i < count; ++i) out.u32(remb.ssrcs[i]);
}

void write(ByteWriter& out, const TransportFeedback& feedback) {
  const Head head(out, kRtpfb, kFmtTransport);
  write_transport_feedback(out, feedback);
}

}  // namespace

std::vector<Rtcp> parse_rtcp(Bytes bytes) {
  std::vector<Rtcp> packets;
  ByteReader reader(bytes);
  while (reader.remaining() > 0 && packets.size() < kMaxPackets) {
    const uint8_t first = reader.u8(), type = reader.u8();
    Bytes body = reader.bytes(size_t{4} * reader.u16());
    if (!reader.ok() || first >> 6 != 2) break;
    if (first & 0x20) {
      const size_t padding = body.empty() ? 0 : body.back();
      if (padding == 0 || padding > body.size()) break;
      body = body.first(body.size() - padding);
    }
    ByteReader in(body);
    auto packet = read_body(type, first & 31, in);
    if (!in.ok()) break;
    if (packet) packets.push_back(std::move(*packet));
  }
  return packets;
}

void write_rtcp(ByteWriter& out, const Rtcp& packet) {
  std::visit([&](const auto& what) { write(out, what); }, packet);
}

uint64_t ntp_time(int64_t unix_nanoseconds) {
  constexpr int64_t kSecond = 1'000'000'000;
  constexpr int64_t kUnixEpoch = 2'208'988'800;  // in seconds since 1900
  const int64_t seconds = unix_nanoseconds / kSecond;
  const auto rest = static_cast<uint64_t>(unix_nanoseconds - seconds * kSecond);
  return static_cast<uint64_t>(seconds + kUnixEpoch) << 32 | ((rest << 32) / kSecond);
}

}  // namespace stream::rtp

// Records made from frame headers, for codecs that carry no configuration of their own.
#include "codec/audio.h"
#include "codec/bits.h"

namespace stream::codec {

namespace {

constexpr int kAc3Rates[] = {48000, 44100, 32000};
constexpr int kAc3Channels[] = {2, 1, 2, 3, 3, 4, 4, 5};  // by acmod, without LFE

}  // namespace

std::optional<Description> describe_ac3_frame(Bytes frame) {  // ETSI TS 102 366 4.3
  BitReader bits(frame);
  if (bits.bits(16) != 0x0b77) return std::nullopt;
  bits.skip(16);
  const auto fscod = bits.bits(2), frmsizecod = bits.bits(6), bsid = bits.bits(5),
             bsmod = bits.bits(3);
  const auto acmod = bits.bits(3);
  if ((acmod & 1) && acmod != 1) bits.skip(2);  // cmixlev
  if (acmod & 4) bits.skip(2);                  // surmixlev
  if (acmod == 2) bits.skip(2);                 // dsurmod
  const auto lfe = bits.bits(1);
  if (!bits.ok() || fscod > 2 || frmsizecod > 37 || bsid > 10) return std::nullopt;
  Description d;
  d.codec = "ac3";
  d.rfc6381 = "ac-3";
  d.sample_rate = kAc3Rates[fscod] >> (bsid > 8 ? bsid - 8 : 0);
  d.channels = kAc3Channels[acmod] + static_cast<int>(lfe);
  d.frame_samples = 1536;
  const auto record = static_cast<uint32_t>(fscod << 22 | bsid << 17 | bsmod << 14 | acmod << 11 |
                                            lfe << 10 | (frmsizecod >> 1) << 5);  // dac3, F.4
  d.config = {static_cast<uint8_t>(record >> 16), static_cast<uint8_t>(record >> 8),
              static_cast<uint8_t>(record)};
  return d;
}

std::optional<Description> describe_eac3_frame(Bytes frame) {  // ETSI TS 102 366 E.1.2
  BitReader bits(frame);
  if (bits.bits(16) != 0x0b77) return std::nullopt;
  if (bits.bits(2) == 1) return std::nullopt;  // a dependent substream comes never first
  if (bits.bits(3) != 0) return std::nullopt;
  const auto frame_size = (bits.bits(11) + 1) * 2;
  const auto fscod = bits.bits(2);
  static constexpr int kBlocks[] = {1, 2, 3, 6};
  int blocks = 6, rate = 0;
  if (fscod == 3) {
    const auto fscod2 = bits.bits(2);
    if (fscod2 == 3) return std::nullopt;
    rate = kAc3Rates[fscod2] / 2;
  } else {
    rate = kAc3Rates[fscod];
    blocks = kBlocks[bits.bits(2)];
  }
  const auto acmod = bits.bits(3), lfe = bits.bits(1), bsid = bits.bits(5);
  if (!bits.ok() || bsid < 11 || bsid > 16) return std::nullopt;
  Description d;
  d.codec = "eac3";
  d.rfc6381 = "ec-3";
  d.sample_rate = rate;
  d.channels = kAc3Channels[acmod] + static_cast<int>(lfe);
  d.frame_samples = 256 * blocks;
  // dec3 (F.6): one independent substream without dependents; bsmod is not in every frame, 0 =
  // main.
  const uint64_t kbps =
      frame_size * 8 * static_cast<uint64_t>(rate) / static_cast<uint64_t>(d.frame_samples) / 1000;
  const uint64_t record =
      (kbps & 0x1fff) << 27 | (fscod << 22 | bsid << 17 | acmod << 9 | lfe << 8);
  for (int i = 4; i >= 0; --i) d.config.push_back(static_cast<uint8_t>(record >> (8 * i)));
  return d;
}

std::optional<Description> describe_mp3_frame(Bytes frame) {  // ISO/IEC 11172-3 2.4.2.3
  BitReader bits(frame);
  if (bits.bits(11) != 0x7ff) return std::nullopt;
  const auto version = bits.bits(2), layer = bits.bits(2);
  bits.skip(1);
  const auto bitrate = bits.bits(4), rate = bits.bits(2);
  bits.skip(2);
  const auto mode = bits.bits(2);
  if (!bits.ok() || version == 1 || layer != 1 || bitrate == 15 || rate == 3) return std::nullopt;
  static constexpr int kRates[] = {44100, 48000, 32000};
  Description d;
  d.codec = "mp3";
  d.rfc6381 = "mp4a.40.34";
  d.sample_rate = kRates[rate] >> (version == 3 ? 0 : version == 2 ? 1 : 2);
  d.channels = mode == 3 ? 1 : 2;
  d.frame_samples = version == 3 ? 1152 : 576;
  return d;
}

}  // namespace stream::codec

#include "codec/audio.h"

#include "base/bytes.h"
#include "codec/bits.h"

namespace stream::codec {

namespace {

constexpr int kAacRates[] = {96000, 88200, 64000, 48000, 44100, 32000, 24000,
                             22050, 16000, 12000, 11025, 8000,  7350};
constexpr int kAacChannels[] = {0, 1, 2, 3, 4, 5, 6, 8,
                                0, 0, 0, 7, 8, 0, 8, 0};  // 14496-3 table 1.19
constexpr int kSbr = 5, kPs = 29;

int object_type(BitReader& bits) {
  const int type = static_cast<int>(bits.bits(5));
  return type == 31 ? 32 + static_cast<int>(bits.bits(6)) : type;
}

int sample_rate_at(uint64_t index) {
  return index < std::size(kAacRates) ? kAacRates[index] : 0;
}

int sample_rate(BitReader& bits) {
  const auto index = bits.bits(4);
  if (index == 15) return static_cast<int>(bits.bits(24));
  if (index >= std::size(kAacRates)) {
    bits.fail();
    return 0;
  }
  return kAacRates[index];
}

int program_config_channels(BitReader& bits) {  // 14496-3 4.5.1.1
  bits.skip(4 + 2 + 4);
  int elements[6];  // front, side, back, lfe, data, coupling
  for (int i = 0; i < 6; ++i)
    elements[i] = static_cast<int>(bits.bits(i < 3 ? 4 : i == 3 ? 2 : i == 4 ? 3 : 4));
  for (const int mixdown : {4, 4, 3}) {
    if (bits.flag()) bits.skip(static_cast<size_t>(mixdown));
  }
  int channels = elements[3];
  for (int group = 0; group < 3; ++group) {
    for (int i = 0; i < elements[group]; ++i) {
      channels += bits.flag() ? 2 : 1;
      bits.skip(4);
    }
  }
  return bits.ok() ? channels : 0;
}

void parse_general_audio(BitReader& bits, AudioSpecificConfig& config,
                         int channel_configuration) {  // 4.4.1
  if (bits.flag())
    config.frame_samples = config.object_type == 23 ? 480 : 960;
  else if (config.object_type == 23)
    config.frame_samples = 512;
  if (bits.flag()) bits.skip(14);  // dependsOnCoreCoder
  const bool extension = bits.flag();
  if (channel_configuration == 0) config.channels = program_config_channels(bits);
  if (config.object_type == 6 || config.object_type == 20) bits.skip(3);
  if (extension) {
    if (config.object_type == 22) bits.skip(16);
    if (config.object_type == 17 || config.object_type == 19 || config.object_type == 20 ||
        config.object_type == 23)
      bits.skip(3);
    bits.skip(1);
  }
}

// Backward-compatible signalling of SBR and PS after the core's own part (1.6.5.3).
void parse_sync_extension(BitReader& bits, AudioSpecificConfig& config) {
  if (bits.remaining() < 16 || bits.bits(11) != 0x2b7) return;
  if (object_type(bits) != kSbr || !bits.flag()) return;
  const int rate = sample_rate(bits);
  if (!bits.ok() || rate <= 0) return;
  config.sbr = true;
  config.output_rate = rate;
  if (bits.remaining() >= 12 && bits.bits(11) == 0x548) config.ps = bits.flag();
}

}  // namespace

std::optional<AudioSpecificConfig> parse_audio_specific_config(Bytes bytes) {
  BitReader bits(bytes);
  AudioSpecificConfig config;
  config.object_type = object_type(bits);
  config.sample_rate = config.output_rate = sample_rate(bits);
  const auto channel_configuration = static_cast<int>(bits.bits(4));
  config.channels = kAacChannels[channel_configuration];
  if (config.object_type == kSbr || config.object_type == kPs) {  // hierarchical signalling
    config.sbr = true;
    config.ps = config.object_type == kPs;
    config.output_rate = sample_rate(bits);
    config.object_type = object_type(bits);
  }
  if (!bits.ok() || config.object_type == 0 || config.sample_rate <= 0 || config.output_rate <= 0 ||
      config.sample_rate > 192000 || config.output_rate > 192000) {
    return std::nullopt;
  }
  switch (config.object_type) {
    case 1:
    case 2:
    case 3:
    case 4:
    case 6:
    case 7:
    case 17:
    case 19:
    case 20:
    case 21:
    case 22:
    case 23:
      parse_general_audio(bits, config, channel_configuration);
      if (!bits.ok()) return std::nullopt;
      if (!config.sbr) parse_sync_extension(bits, config);
      break;
    default:
      break;  // xHE-AAC and others: names only
  }
  return config;
}

std::vector<uint8_t> build_audio_specific_config(int type, int rate, int channels) {
  uint64_t value = 0;
  unsigned length = 0;
  const auto put = [&](uint64_t v, unsigned n) {
    value = value << n | v;
    length += n;
  };
  put(static_cast<uint64_t>(type), 5);
  unsigned index = 0;
  while (index < std::size(kAacRates) && kAacRates[index] != rate) ++index;
  if (index < std::size(kAacRates)) {
    put(index, 4);
  } else {
    put(15, 4);
    put(static_cast<uint64_t>(rate), 24);
  }
  put(static_cast<uint64_t>(channels == 8 ? 7 : channels), 4);
  put(0, 3);
  const unsigned padding = (8 - length % 8) % 8;
  put(0, padding);
  std::vector<uint8_t> out;
  for (unsigned at = length; at >= 8; at -= 8)
    out.push_back(static_cast<uint8_t>(value >> (at - 8)));
  return out;
}

std::optional<AdtsHeader> parse_adts(Bytes frame) {
  BitReader bits(frame);
  if (bits.bits(12) != 0xfff) return std::nullopt;
  bits.skip(1);
  if (bits.bits(2) != 0) return std::nullopt;  // layer
  AdtsHeader header;
  header.size = bits.flag() ? 7 : 9;  // protection_absent
  const int type = static_cast<int>(bits.bits(2)) + 1;
  const int rate = sample_rate_at(bits.bits(4));
  bits.skip(1);
  const int channels = static_cast<int>(bits.bits(3));
  bits.skip(4 + 13 + 11);
  const bool one_block = bits.bits(2) == 0;
  if (!bits.ok() || !one_block || rate == 0 || channels == 0 || frame.size() <= header.size) {
    return std::nullopt;
  }
  header.config = build_audio_specific_config(type, rate, kAacChannels[channels]);
  return header;
}

std::optional<Description> describe_aac(Bytes extradata) {
  const auto config = parse_audio_specific_config(extradata);
  if (!config) return std::nullopt;
  Description d;
  d.codec = "aac";
  const int type = config->ps ? kPs : config->sbr ? kSbr : config->object_type;
  d.rfc6381 = "mp4a.40." + std::to_string(type);
  d.profile = type;
  d.sample_rate = config->output_rate;
  d.channels = config->ps && config->channels == 1 ? 2 : config->channels;
  d.frame_samples =
      config->frame_samples * (config->output_rate == 2 * config->sample_rate ? 2 : 1);
  d.config.assign(extradata.begin(), extradata.end());
  return d;
}

int opus_samples(Bytes packet) {
  if (packet.empty()) return 0;
  static constexpr int kSilk[] = {480, 960, 1920, 2880}, kHybrid[] = {480, 960},
                       kCelt[] = {120, 240, 480, 960};
  const int config = packet[0] >> 3, code = packet[0] & 3;
  const int frame = config < 12   ? kSilk[config & 3]
                    : config < 16 ? kHybrid[config & 1]
                                  : kCelt[config & 3];
  if (code < 3) return code == 0 ? frame : 2 * frame;
  const int count = packet.size() < 2 ? 0 : packet[1] & 63;
  return count * frame <= 5760 ? count * frame : 0;  // 120 ms at most
}

std::optional<Description> describe_opus(Bytes extradata) {
  ByteReader reader(extradata);
  if (reader.text(8) != "OpusHead" || (reader.u8() & 0xf0) != 0) return std::nullopt;
  const uint8_t channels = reader.u8();
  const uint16_t pre_skip = __builtin_bswap16(reader.u16());
  const uint32_t rate = reader.u32_le();
  const uint16_t gain = __builtin_bswap16(reader.u16());
  const uint8_t family = reader.u8();
  if (!reader.ok() || channels == 0 || (family == 0 && channels > 2)) return std::nullopt;
  ByteWriter out;  // dOps: Opus in ISO BMFF 4.3.2
  out.u8(0);
  out.u8(channels);
  out.u16(pre_skip);
  out.u32(rate);
  out.u16(gain);
  out.u8(family);
  if (family != 0) out.bytes(reader.bytes(size_t{2} + channels));
  if (!reader.ok()) return std::nullopt;
  Description d;
  d.codec = "opus";
  d.rfc6381 = "Opus";
  d.sample_rate = 48000;
  d.channels = channels;
  d.priming_samples = pre_skip;
  d.config = out.take();
  return d;
}

std::optional<Description> describe_flac(Bytes extradata) {
  ByteReader reader(extradata);
  if (extradata.size() >= 4 && extradata[0] == 'f' && extradata[1] == 'L') {
    if (reader.text(4) != "fLaC") return std::nullopt;
  }
  if (reader.remaining() >= 38) {
    if ((reader.u8() & 0x7f) != 0 || reader.u24() != 34)
      return std::nullopt;  // STREAMINFO comes first
  }
  const Bytes info = reader.bytes(34);
  if (!reader.ok()) return std::nullopt;
  BitReader bits(info);
  const auto min_block = bits.bits(16), max_block = bits.bits(16);
  bits.skip(48);
  Description d;
  d.codec = "flac";
  d.rfc6381 = "fLaC";
  d.sample_rate = static_cast<int>(bits.bits(20));
  d.channels = static_cast<int>(bits.bits(3)) + 1;
  d.bit_depth = static_cast<int>(bits.bits(5)) + 1;
  if (d.sample_rate == 0) return std::nullopt;
  if (min_block == max_block) d.frame_samples = static_cast<int>(min_block);
  ByteWriter out;  // dfLa: the block with its header, marked as the last
  out.u8(0x80);
  out.u24(34);
  out.bytes(info);
  d.config = out.take();
  return d;
}

}  // namespace stream::codec

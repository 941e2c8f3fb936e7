#include "rtmp/flv_tag.h"

#include <array>
#include <optional>

#include "base/bytes.h"
#include "base/text.h"

namespace stream::rtmp {
namespace {

constexpr uint32_t fourcc(const char (&text)[5]) {
  return uint32_t{static_cast<uint8_t>(text[0])} << 24 |
         uint32_t{static_cast<uint8_t>(text[1])} << 16 |
         uint32_t{static_cast<uint8_t>(text[2])} << 8 | static_cast<uint8_t>(text[3]);
}

struct Codec {
  uint32_t code;
  std::string_view name;
};

// Enhanced RTMP v2, "Enhanced Video" and "Enhanced Audio".
constexpr std::array kVideoFourCcs = {Codec{fourcc("avc1"), "h264"}, Codec{fourcc("hvc1"), "hevc"},
                                      Codec{fourcc("vvc1"), "vvc"},  Codec{fourcc("av01"), "av1"},
                                      Codec{fourcc("vp09"), "vp9"},  Codec{fourcc("vp08"), "vp8"}};
constexpr std::array kAudioFourCcs = {Codec{fourcc("mp4a"), "aac"},  Codec{fourcc("Opus"), "opus"},
                                      Codec{fourcc("fLaC"), "flac"}, Codec{fourcc("ac-3"), "ac3"},
                                      Codec{fourcc("ec-3"), "eac3"}, Codec{fourcc(".mp3"), "mp3"}};
// FLV 10.1 annexes E.4.3.1 and E.4.2.1; 12 is what several vendors use for HEVC.
constexpr std::array kLegacyVideo = {Codec{2, "flv1"}, Codec{3, "flashsv"},  Codec{4, "vp6f"},
                                     Codec{5, "vp6a"}, Codec{6, "flashsv2"}, Codec{7, "h264"},
                                     Codec{12, "hevc"}};
constexpr std::array kLegacyAudio = {
    Codec{1, "adpcm_swf"},  Codec{2, "mp3"},      Codec{4, "nellymoser"}, Codec{5, "nellymoser"},
    Codec{6, "nellymoser"}, Codec{7, "pcm_alaw"}, Codec{8, "pcm_mulaw"},  Codec{10, "aac"},
    Codec{11, "speex"},     Codec{14, "mp3"}};

template <size_t N>
std::string_view codec_name(const std::array<Codec, N>& table, uint32_t code) {
  for (const Codec& codec : table) {
    if (codec.code == code) return codec.name;
  }
  return {};
}

enum FrameType : uint8_t { kKey = 1, kGeneratedKey = 4, kCommandFrame = 5 };

enum MultitrackType : uint8_t { kOneTrack = 0, kManyTracks = 1, kManyTracksManyCodecs = 2 };
constexpr size_t kMaxTracks = 256;  // ids have 8 bits

// One message body while it is taken apart.
struct Tag {
  const Buffer& body;
  ByteReader in;
  Media media;  // what the tracks of the message have in common
  uint8_t packet = 0;
  std::vector<Media>& out;

  Tag(const Buffer& bytes, MediaKind kind, uint32_t timestamp, std::vector<Media>& sink)
      : body(bytes), in(bytes), out(sink) {
    media.kind = kind;
    media.timestamp = timestamp;
  }
  TagResult add(Media item, PacketType type, size_t begin, size_t size) {
    item.packet = type;
    item.payload = body.slice(begin, size);
    out.push_back(std::move(item));
    return TagResult::kMedia;
  }
  TagResult add_rest(PacketType type) {
    if (!in.ok()) return TagResult::kMalformed;
    if (in.remaining() == 0 && type != PacketType::kEnd) return TagResult::kIgnored;
    if (type != PacketType::kFrame) media.keyframe = false;
    return add(media, type, in.position(), in.remaining());
  }
};

// "size, data, type|next" repeated until the next packet type is a real one.
bool read_modifiers(Tag& tag) {
  while (tag.packet == kModEx && tag.in.ok()) {
    size_t size = tag.in.u8() + size_t{1};
    if (size == 256) size = tag.in.u16() + size_t{1};
    ByteReader data(tag.in.bytes(size));
    const uint8_t next = tag.in.u8();
    constexpr uint8_t kTimestampOffsetNano = 0;
    constexpr uint32_t kMaxOffset = 999'999;
    if (next >> 4 == kTimestampOffsetNano) {
      const uint32_t offset = data.u24();
      if (data.ok() && offset <= kMaxOffset) tag.media.composition = Nanoseconds(offset);
    }
    tag.packet = next & 0x0F;
  }
  return tag.in.ok();
}

// The part of one track behind FourCC, track id and size: `size` bytes at the reader's position.
TagResult enhanced_track(Tag& tag, const Media& track, size_t size) {
  Media media = track;
  const size_t begin = tag.in.position();
  ByteReader in(tag.in.bytes(size));
  if (!tag.in.ok()) return TagResult::kMalformed;
  const bool video = media.kind == MediaKind::kVideo;
  PacketType type;
  if (tag.packet == kSequenceStart) {
    type = PacketType::kConfig;
  } else if (tag.packet == kSequenceEnd) {
    type = PacketType::kEnd;
  } else if (tag.packet == kCodedFrames || (video && tag.packet == kVideoCodedFramesX)) {
    type = PacketType::kFrame;
  } else if (!video && tag.packet == kAudioMultichannelConfig) {
    type = PacketType::kMultichannel;
  } else {
    return TagResult::kIgnored;
  }
  const bool has_composition_time =
      video && tag.packet == kCodedFrames &&
      (media.codec == "h264" || media.codec == "hevc" || media.codec == "vvc");
  if (has_composition_time) media.composition += std::chrono::milliseconds(in.i24());
  if (!in.ok()) return TagResult::kMalformed;
  if (type != PacketType::kFrame) {
    media.keyframe = false;
    media.composition = {};
  }
  if (type == PacketType::kEnd) return tag.add(std::move(media), type, begin, 0);
  if (in.remaining() == 0) return TagResult::kIgnored;
  return tag.add(std::move(media), type, begin + in.position(), in.remaining());
}

void set_fourcc(Media& media, uint32_t code) {
  media.code = code;
  media.codec = media.kind == MediaKind::kVideo ? codec_name(kVideoFourCcs, code)
                                                : codec_name(kAudioFourCcs, code);
}

TagResult multitrack(Tag& tag) {
  const uint8_t kinds = tag.in.u8();
  const uint8_t form = kinds >> 4;
  const uint8_t nested = tag.media.kind == MediaKind::kVideo ? kVideoMultitrack : kAudioMultitrack;
  tag.packet = kinds & 0x0F;
  if (!tag.in.ok() || tag.packet == nested || tag.packet == kModEx) return TagResult::kMalformed;
  if (form > kManyTracksManyCodecs) return TagResult::kIgnored;
  if (form != kManyTracksManyCodecs) set_fourcc(tag.media, tag.in.u32());

  TagResult result = TagResult::kIgnored;
  size_t tracks = 0;
  do {
    Media media = tag.media;
    if (form == kManyTracksManyCodecs) set_fourcc(media, tag.in.u32());
    media.track = tag.in.u8();
    const size_t size = form == kOneTrack ? tag.in.remaining() : tag.in.u24();
    if (!tag.in.ok() || ++tracks > kMaxTracks) return TagResult::kMalformed;
    const TagResult one = enhanced_track(tag, media, size);
    if (one == TagResult::kMalformed) return one;
    if (one == TagResult::kMedia) result = one;
  } while (tag.in.remaining() > 0);
  return result;
}

TagResult enhanced(Tag& tag, uint8_t multitrack_packet) {
  if (tag.packet == multitrack_packet) return multitrack(tag);
  set_fourcc(tag.media, tag.in.u32());
  if (!tag.in.ok()) return TagResult::kMalformed;
  return enhanced_track(tag, tag.media, tag.in.remaining());
}

// FLV 10.1 annex E.4.3.2: packet type and composition time before AVC, and before HEVC likewise.
TagResult legacy_nal_video(Tag& tag) {
  if (tag.in.remaining() == 0) return TagResult::kIgnored;
  const uint8_t packet = tag.in.u8();
  if (packet == kSequenceEnd) {
    tag.in.rest();
    return tag.add_rest(PacketType::kEnd);
  }
  if (packet > kSequenceEnd) return TagResult::kIgnored;
  const int32_t composition = tag.in.i24();
  if (packet == kSequenceStart) return tag.add_rest(PacketType::kConfig);
  tag.media.composition = std::chrono::milliseconds(composition);
  return tag.add_rest(PacketType::kFrame);
}

// Formats whose rate the tag header can't express.
uint32_t fixed_rate(uint8_t format) {
  switch (format) {
    case 4:
    case 11:
      return 16000;
    case 5:
    case 7:
    case 8:
    case 14:
      return 8000;
    default:
      return 0;
  }
}

TagResult legacy_audio(Tag& tag, uint8_t head) {
  const uint8_t format = head >> 4;
  const bool wide = (head & 2) != 0;
  constexpr std::array<uint32_t, 4> kRates = {5512, 11025, 22050, 44100};
  constexpr uint8_t kPlatformPcm = 0, kLittleEndianPcm = 3, kAac = 10;
  tag.media.code = format;
  tag.media.codec = codec_name(kLegacyAudio, format);
  if (format == kPlatformPcm || format == kLittleEndianPcm) {
    tag.media.codec = wide ? "pcm_s16le" : "pcm_u8";
  }
  const uint32_t fixed = fixed_rate(format);
  tag.media.sample_rate = fixed > 0 ? fixed : kRates[head >> 2 & 3];
  tag.media.channels = (head & 1) != 0 ? 2 : 1;
  if (format != kAac) return tag.add_rest(PacketType::kFrame);
  if (tag.in.remaining() == 0) return TagResult::kIgnored;
  const uint8_t packet = tag.in.u8();
  if (packet > 1) return TagResult::kIgnored;
  return tag.add_rest(packet == 0 ? PacketType::kConfig : PacketType::kFrame);
}

}  // namespace

TagResult parse_video(const Buffer& body, uint32_t timestamp, std::vector<Media>& out) {
  if (body.empty()) return TagResult::kIgnored;
  Tag tag(body, MediaKind::kVideo, timestamp, out);
  const uint8_t head = tag.in.u8();
  const uint8_t frame = head >> 4 & 7;
  tag.media.keyframe = frame == kKey || frame == kGeneratedKey;
  if ((head & 0x80) != 0) {
    tag.packet = head & 0x0F;
    if (!read_modifiers(tag)) return TagResult::kMalformed;
    if (frame == kCommandFrame && tag.packet != kVideoMetadata) return TagResult::kIgnored;
    return enhanced(tag, kVideoMultitrack);
  }
  if (frame == kCommandFrame) return TagResult::kIgnored;
  tag.media.code = head & 0x0F;
  tag.media.codec = codec_name(kLegacyVideo, tag.media.code);
  if (tag.media.codec == "h264" || tag.media.codec == "hevc") return legacy_nal_video(tag);
  return tag.add_rest(PacketType::kFrame);
}

TagResult parse_audio(const Buffer& body, uint32_t timestamp, std::vector<Media>& out) {
  if (body.empty()) return TagResult::kIgnored;
  Tag tag(body, MediaKind::kAudio, timestamp, out);
  const uint8_t head = tag.in.u8();
  constexpr uint8_t kEnhanced = 9;
  if (head >> 4 != kEnhanced) return legacy_audio(tag, head);
  tag.packet = head & 0x0F;
  if (!read_modifiers(tag)) return TagResult::kMalformed;
  return enhanced(tag, kAudioMultitrack);
}

bool split_aggregate(const Message& aggregate, std::vector<Message>& out) {
  constexpr size_t kMaxTags = 4096;
  ByteReader in(aggregate.payload);
  std::optional<uint32_t> first;
  for (size_t tags = 0; in.remaining() > 0; ++tags) {
    Message message = aggregate;
    message.type = static_cast<MessageType>(in.u8() & 0x1F);
    const uint32_t size = in.u24();
    const uint32_t low = in.u24();
    const uint32_t time = uint32_t{in.u8()} << 24 | low;
    in.u24();  // stream id: 0
    const size_t begin = in.position();
    in.skip(size);
    if (!in.ok() || tags == kMaxTags) return false;
    if (!first) first = time;
    message.timestamp = aggregate.timestamp + (time - *first);
    message.payload = aggregate.payload.slice(begin, size);
    out.push_back(std::move(message));
    if (in.remaining() > 0) in.u32();  // back pointer
    if (!in.ok()) return false;
  }
  return true;
}

uint32_t fourcc_of(MediaKind kind, std::string_view codec) {
  for (const Codec& known : kind == MediaKind::kVideo ? kVideoFourCcs : kAudioFourCcs) {
    if (known.name == codec) return known.code;
  }
  return 0;
}

std::string codec_label(const Media& media) {
  if (media.code < 16) return "legacy codec " + std::to_string(media.code);
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8)
    text.push_back(static_cast<char>(media.code >> shift));
  return escaped(text);
}

}  // namespace stream::rtmp

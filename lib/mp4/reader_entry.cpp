// Sample descriptions (stsd) as Reader finds them.
#include <algorithm>

#include "mp4/box.h"
#include "mp4/reader.h"

namespace stream::mp4 {

namespace {

// ISO/IEC 14496-1 7.2.6: the DecoderSpecificInfo of an esds; false when it is no AAC or MP3.
bool take_esds(Bytes payload, ReadTrack& track) {
  ByteReader reader(payload);
  reader.u32();
  const auto tag = [&reader](uint8_t wanted) {
    if (reader.u8() != wanted) reader.fail();
    for (int i = 0; i < 4 && (reader.u8() & 0x80); ++i) {
    }
  };
  tag(3);
  reader.u16();
  if (const uint8_t flags = reader.u8(); flags & 0xe0) reader.fail();  // no streams of streams
  tag(4);
  const uint8_t type = reader.u8();
  reader.skip(12);
  if (!reader.ok()) return false;
  if (type == 0x6b || type == 0x69) {
    track.codec = "mp3";
    return true;
  }
  if (type != 0x40 && type != 0x66 && type != 0x67 && type != 0x68) return false;
  track.codec = "aac";
  if (reader.u8() != 5) return false;
  size_t size = 0;
  for (int i = 0; i < 4; ++i) {
    const uint8_t byte = reader.u8();
    size = size << 7 | (byte & 0x7f);
    if (!(byte & 0x80)) break;
  }
  const Bytes config = reader.bytes(size);
  track.extradata.assign(config.begin(), config.end());
  return reader.ok() && !config.empty();
}

// dOps to OpusHead (RFC 7845 5.1), which is little-endian.
bool take_opus(Bytes payload, ReadTrack& track) {
  ByteReader reader(payload);
  reader.u8();
  ByteWriter out;
  out.text("OpusHead");
  out.u8(1);
  out.u8(reader.u8());
  out.u16(__builtin_bswap16(reader.u16()));
  out.u32_le(reader.u32());
  out.u16(__builtin_bswap16(reader.u16()));
  out.bytes(reader.rest());
  track.codec = "opus";
  track.extradata = out.take();
  return reader.ok() && track.extradata.size() >= 19;
}

}  // namespace

bool Reader::take_entry(Bytes stsd, ReadTrack& track) {
  if (stsd.size() < 8) return false;
  Bytes rest = stsd.subspan(8);
  const auto entry = next_box(rest);
  if (!entry || next_box(rest)) return false;  // several descriptions are not ours to sort out
  struct Kind {
    std::string_view entry, record, codec;
    size_t skip;  // version and flags of the record
    bool video;
  };
  static constexpr Kind kKinds[] = {
      {"avc1", "avcC", "h264", 0, true},  {"avc3", "avcC", "h264", 0, true},
      {"hvc1", "hvcC", "hevc", 0, true},  {"hev1", "hvcC", "hevc", 0, true},
      {"av01", "av1C", "av1", 0, true},   {"vp09", "vpcC", "vp9", 4, true},
      {"mp4a", "esds", "", 0, false},     {"Opus", "dOps", "opus", 0, false},
      {"fLaC", "dfLa", "flac", 8, false}, {"ac-3", "", "ac3", 0, false},
      {"ec-3", "", "eac3", 0, false}};
  const auto* kind = std::find_if(std::begin(kKinds), std::end(kKinds),
                                  [&](const Kind& k) { return entry->is(k.entry); });
  if (kind == std::end(kKinds)) return false;
  track.video = kind->video;
  track.codec = kind->codec;
  ByteReader reader(entry->payload);
  reader.skip(kind->video ? 24 : 16);
  if (kind->video) {
    track.width = reader.u16();
    track.height = reader.u16();
    reader.skip(50);
  } else {
    track.channels = reader.u16();
    reader.skip(6);
    track.sample_rate = static_cast<int>(reader.u32() >> 16);
  }
  const Bytes boxes = reader.rest();
  if (!reader.ok()) return false;
  if (kind->record.empty()) return true;
  const auto record = find_box(boxes, kind->record);
  if (!record || !record->complete || record->payload.size() < kind->skip) return false;
  if (kind->record == "esds") return take_esds(record->payload, track);
  if (kind->record == "dOps") return take_opus(record->payload, track);
  const Bytes config = record->payload.subspan(kind->skip);
  track.extradata.assign(config.begin(), config.end());
  if (kind->codec == "vp9") track.extradata.clear();  // FFmpeg has none
  if (kind->codec == "h264" && config.size() > 4) track.length_size = (config[4] & 3) + 1;
  if (kind->codec == "hevc" && config.size() > 21) track.length_size = (config[21] & 3) + 1;
  return true;
}

}  // namespace stream::mp4

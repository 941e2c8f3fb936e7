#include "mp4/sample_entry.h"

#include "base/error.h"

namespace stream::mp4 {

namespace {

// ISO/IEC 14496-14 3.1: object type indications of esds.
constexpr uint8_t kObjectAac = 0x40, kObjectMp3 = 0x6b, kObjectMp3LowRate = 0x69;

void write_descriptor(ByteWriter& out, uint8_t tag, size_t size) {
  out.u8(tag);  // the size in four bytes, as all writers do: some readers expect no other form
  for (const int shift : {21, 14, 7}) out.u8(static_cast<uint8_t>(0x80 | (size >> shift & 0x7f)));
  out.u8(static_cast<uint8_t>(size & 0x7f));
}

void write_esds(BoxWriter& out, const TrackConfig& track) {
  const auto& config = track.codec.config;
  const bool mp3 = track.codec.codec == "mp3";
  const size_t specific = mp3 ? 0 : 5 + config.size();
  out.full_box("esds", 0, 0, [&] {
    write_descriptor(out, 3, 3 + 5 + 13 + specific + 5 + 1);  // ES_Descriptor
    out.u16(static_cast<uint16_t>(track.id));
    out.u8(0);
    write_descriptor(out, 4, 13 + specific);  // DecoderConfigDescriptor
    out.u8(!mp3 ? kObjectAac : track.sample_rate < 32000 ? kObjectMp3LowRate : kObjectMp3);
    out.u8(0x15);  // audio stream
    out.u24(0);
    out.u32(0);
    out.u32(0);
    if (!mp3) {
      write_descriptor(out, 5, config.size());  // DecoderSpecificInfo
      out.bytes(config);
    }
    write_descriptor(out, 6, 1);  // SLConfigDescriptor
    out.u8(2);
  });
}

struct EntryNames {
  std::string_view codec, entry, record;
  bool full_box;  // the record's box has a version
};
constexpr EntryNames kEntries[] = {
    {"h264", "avc1", "avcC", false}, {"hevc", "hvc1", "hvcC", false},
    {"av1", "av01", "av1C", false},  {"vp9", "vp09", "vpcC", true},
    {"aac", "mp4a", "", false},      {"mp3", "mp4a", "", false},
    {"opus", "Opus", "dOps", false}, {"flac", "fLaC", "dfLa", true},
    {"ac3", "ac-3", "dac3", false},  {"eac3", "ec-3", "dec3", false},
};

const EntryNames* entry_names(std::string_view codec) {
  for (const EntryNames& names : kEntries) {
    if (names.codec == codec) return &names;
  }
  return nullptr;
}

void write_record(BoxWriter& out, const TrackConfig& track, const EntryNames& names) {
  if (names.record.empty()) return write_esds(out, track);
  if (track.codec.config.empty()) return;
  const auto fill = [&] { out.bytes(track.codec.config); };
  if (names.full_box) {
    out.full_box(names.record, names.codec == "vp9" ? 1 : 0, 0, fill);
  } else {
    out.box(names.record, fill);
  }
}

void write_visual_entry(BoxWriter& out, const TrackConfig& track, const EntryNames& names) {
  out.zeros(16);
  out.u16(static_cast<uint16_t>(track.width));
  out.u16(static_cast<uint16_t>(track.height));
  out.u32(0x480000);  // 72 dpi
  out.u32(0x480000);
  out.u32(0);
  out.u16(1);  // frames per sample
  out.zeros(32);
  out.u16(0x18);
  out.u16(0xffff);
  write_record(out, track, names);
  if (track.codec.colour.known()) {
    const codec::Colour& colour = track.codec.colour;
    out.box("colr", [&] {
      out.text("nclx");
      out.u16(colour.primaries);
      out.u16(colour.transfer);
      out.u16(colour.matrix);
      out.u8(colour.full_range ? 0x80 : 0);
    });
  }
  if (track.sar.known()) {
    out.box("pasp", [&] {
      out.u32(static_cast<uint32_t>(track.sar.num));
      out.u32(static_cast<uint32_t>(track.sar.den));
    });
  }
}

void write_audio_entry(BoxWriter& out, const TrackConfig& track, const EntryNames& names) {
  out.zeros(8);
  out.u16(static_cast<uint16_t>(track.channels));
  out.u16(16);
  out.u32(0);
  // 16.16; a rate that does not fit is told by the record alone
  out.u32(track.sample_rate <= UINT16_MAX ? static_cast<uint32_t>(track.sample_rate) << 16 : 0);
  write_record(out, track, names);
}

uint16_t packed_language(const std::string& language) {
  const std::string_view code = language.size() == 3 ? std::string_view(language) : "und";
  uint16_t packed = 0;
  for (const char c : code) packed = static_cast<uint16_t>(packed << 5 | ((c - 0x60) & 31));
  return packed;
}

// Creation and modification time (not known), `middle`, duration; 64-bit when that is needed.
template <typename Middle>
void write_times(BoxWriter& out, bool wide, uint64_t duration, Middle&& middle) {
  out.zeros(wide ? 16 : 8);
  middle();
  if (wide)
    out.u64(duration);
  else
    out.u32(static_cast<uint32_t>(duration));
}

void write_matrix(ByteWriter& out) {
  for (const uint32_t v : {0x10000u, 0u, 0u, 0u, 0x10000u, 0u, 0u, 0u, 0x40000000u}) out.u32(v);
}

}  // namespace

bool carries(std::string_view codec) {
  return entry_names(codec) != nullptr;
}

TrackConfig make_track(uint32_t id, std::string_view codec, Bytes extradata, uint32_t timescale) {
  if (!carries(codec)) {
    throw Error(Exit::kUnsupported, "mp4.codec", "MP4 cannot carry " + std::string(codec),
                "choose an output format that can, or encode to another codec first");
  }
  auto description = codec::describe(codec, extradata);
  if (!description) {
    throw Error(Exit::kInputDamaged, "codec.config",
                "the configuration record of " + std::string(codec) + " (" +
                    std::to_string(extradata.size()) + " bytes) is broken",
                "check the source with ffprobe; its encoder must send valid headers");
  }
  TrackConfig track;
  track.id = id;
  track.timescale = timescale;
  track.width = description->width;
  track.height = description->height;
  track.sar = description->sar;
  track.sample_rate = description->sample_rate;
  track.channels = description->channels;
  track.codec = std::move(*description);
  return track;
}

void write_movie_header(BoxWriter& out, uint64_t duration, uint32_t next_track_id) {
  const bool wide = duration > UINT32_MAX;
  out.full_box("mvhd", wide, 0, [&] {
    write_times(out, wide, duration, [&] { out.u32(kMovieTimescale); });
    out.u32(0x10000);  // rate 1
    out.u16(0x100);    // volume 1
    out.zeros(10);
    write_matrix(out);
    out.zeros(24);
    out.u32(next_track_id);
  });
}

void write_track_header(BoxWriter& out, const TrackConfig& track, uint64_t duration) {
  const bool wide = duration > UINT32_MAX;
  out.full_box("tkhd", wide, 3, [&] {  // enabled, in movie
    write_times(out, wide, duration, [&] {
      out.u32(track.id);
      out.u32(0);
    });
    out.zeros(8);
    out.u16(0);                          // layer
    out.u16(track.video() ? 0 : 1);      // alternate group
    out.u16(track.video() ? 0 : 0x100);  // volume
    out.u16(0);
    write_matrix(out);
    const double shape = track.sar.known() ? track.sar.value() : 1;
    out.u32(track.video() ? static_cast<uint32_t>(track.width * shape * 65536 + 0.5) : 0);
    out.u32(track.video() ? static_cast<uint32_t>(track.height) << 16 : 0);
  });
}

void write_edit_list(BoxWriter& out, const std::vector<Edit>& edits) {
  bool wide = false;
  for (const Edit& edit : edits) wide |= edit.duration > UINT32_MAX || edit.media_time > INT32_MAX;
  out.box("edts", [&] {
    out.full_box("elst", wide, 0, [&] {
      out.u32(static_cast<uint32_t>(edits.size()));
      for (const Edit& edit : edits) {
        if (wide) {
          out.u64(edit.duration);
          out.u64(static_cast<uint64_t>(edit.media_time));
        } else {
          out.u32(static_cast<uint32_t>(edit.duration));
          out.u32(static_cast<uint32_t>(edit.media_time));
        }
        out.u32(0x10000);  // rate 1
      }
    });
  });
}

void write_media_header(BoxWriter& out, const TrackConfig& track, uint64_t duration) {
  const bool wide = duration > UINT32_MAX;
  out.full_box("mdhd", wide, 0, [&] {
    write_times(out, wide, duration, [&] { out.u32(track.timescale); });
    out.u16(packed_language(track.language));
    out.u16(0);
  });
}

void write_handler(BoxWriter& out, const TrackConfig& track) {
  out.full_box("hdlr", 0, 0, [&] {
    out.u32(0);
    out.text(track.video() ? "vide" : "soun");
    out.zeros(12);
    out.text(track.video() ? "Video" : "Audio");
    out.u8(0);
  });
}

void write_media_information(BoxWriter& out, const TrackConfig& track) {
  if (track.video()) {
    out.full_box("vmhd", 0, 1, [&] { out.zeros(8); });
  } else {
    out.full_box("smhd", 0, 0, [&] { out.zeros(4); });
  }
  out.box("dinf", [&] {
    out.full_box("dref", 0, 0, [&] {
      out.u32(1);
      out.full_box("url ", 0, 1, [] {});  // the media is in this file
    });
  });
}

void write_sample_description(BoxWriter& out, const TrackConfig& track) {
  const EntryNames* names = entry_names(track.codec.codec);
  out.full_box("stsd", 0, 0, [&] {
    out.u32(1);
    out.box(names->entry, [&] {
      out.zeros(6);
      out.u16(1);  // data reference index
      if (track.video())
        write_visual_entry(out, track, *names);
      else
        write_audio_entry(out, track, *names);
    });
  });
}

}  // namespace stream::mp4

#include "mp4/fragment.h"

#include <algorithm>
#include <cassert>

#include "mp4/sample_entry.h"

namespace stream::mp4 {

namespace {

// Sample flags of ISO/IEC 14496-12 8.8.3.1.
constexpr uint32_t kSync = 0x02000000;     // depends on no other
constexpr uint32_t kNonSync = 0x01010000;  // depends on others, is no sync sample

void write_fragmented_track(BoxWriter& out, const TrackConfig& track) {
  out.box("trak", [&] {
    write_track_header(out, track, 0);
    out.box("mdia", [&] {
      write_media_header(out, track, 0);
      write_handler(out, track);
      out.box("minf", [&] {
        write_media_information(out, track);
        out.box("stbl", [&] {
          write_sample_description(out, track);
          for (const char* table : {"stts", "stsc"}) out.full_box(table, 0, 0, [&] { out.u32(0); });
          out.full_box("stsz", 0, 0, [&] { out.zeros(8); });
          out.full_box("stco", 0, 0, [&] { out.u32(0); });
        });
      });
    });
  });
}

void write_moov(BoxWriter& out, std::span<const TrackConfig> tracks) {
  uint32_t next_id = 1;
  for (const TrackConfig& track : tracks) next_id = std::max(next_id, track.id + 1);
  out.box("moov", [&] {
    write_movie_header(out, 0, next_id);
    for (const TrackConfig& track : tracks) write_fragmented_track(out, track);
    out.box("mvex", [&] {
      for (const TrackConfig& track : tracks) {
        out.full_box("trex", 0, 0, [&] {
          out.u32(track.id);
          out.u32(1);
          out.u32(0);
          out.u32(0);
          out.u32(track.video() ? kNonSync : kSync);
        });
      }
    });
  });
}

void write_file_type(BoxWriter& out, std::string_view major,
                     std::initializer_list<std::string_view> brands) {
  out.box("ftyp", [&] {
    out.text(major);
    out.u32(0x200);
    for (const std::string_view brand : brands) out.text(brand);
  });
}

// What differs from sample to sample and must therefore be written for each (8.8.8.1).
struct RunShape {
  bool durations = false, flags = false, offsets = false, first_flags = false;
  uint32_t default_flags = kSync;

  explicit RunShape(const std::vector<Sample>& samples) {
    bool rest_same = true;
    for (size_t i = 0; i < samples.size(); ++i) {
      durations |= samples[i].duration != samples[0].duration;
      offsets |= samples[i].pts != samples[i].dts;
      if (i > 0) rest_same &= samples[i].key == samples.back().key;
    }
    default_flags = samples.back().key ? kSync : kNonSync;
    first_flags = rest_same && samples[0].key != samples.back().key;
    flags = !rest_same;
  }
};

// Returns where the data offset is to be patched in.
size_t write_run(BoxWriter& out, const TrackRun& run) {
  const RunShape shape(run.samples);
  size_t patch = 0;
  out.box("traf", [&] {
    const uint32_t flags = 0x020000 | (shape.durations ? 0 : 0x8) | (shape.flags ? 0 : 0x20);
    out.full_box("tfhd", 0, flags, [&] {
      out.u32(run.track_id);
      if (!shape.durations) out.u32(run.samples[0].duration);
      if (!shape.flags) out.u32(shape.default_flags);
    });
    out.full_box("tfdt", 1, 0, [&] { out.u64(static_cast<uint64_t>(run.samples[0].dts)); });
    const uint32_t run_flags = 0x201 | (shape.first_flags ? 0x4 : 0) |
                               (shape.durations ? 0x100 : 0) | (shape.flags ? 0x400 : 0) |
                               (shape.offsets ? 0x800 : 0);
    out.full_box("trun", 1, run_flags, [&] {
      out.u32(static_cast<uint32_t>(run.samples.size()));
      patch = out.size();
      out.u32(0);
      if (shape.first_flags) out.u32(run.samples[0].key ? kSync : kNonSync);
      for (const Sample& sample : run.samples) {
        if (shape.durations) out.u32(sample.duration);
        out.u32(static_cast<uint32_t>(sample.data.size()));
        if (shape.flags) out.u32(sample.key ? kSync : kNonSync);
        if (shape.offsets)
          out.u32(static_cast<uint32_t>(static_cast<int32_t>(sample.pts - sample.dts)));
      }
    });
  });
  return patch;
}

}  // namespace

std::vector<uint8_t> file_type() {
  BoxWriter out;
  write_file_type(out, "isom", {"isom", "iso6", "mp41"});
  return out.take();
}

std::vector<uint8_t> fragmented_moov(std::span<const TrackConfig> tracks) {
  BoxWriter out;
  write_moov(out, tracks);
  return out.take();
}

std::vector<uint8_t> init_segment(std::span<const TrackConfig> tracks) {
  BoxWriter out;
  if (tracks.size() == 1)
    write_file_type(out, "iso6", {"iso6", "cmfc", "mp41"});  // a CMAF track
  else
    write_file_type(out, "iso6", {"iso6", "mp41"});
  write_moov(out, tracks);
  return out.take();
}

Fragment make_fragment(uint32_t sequence, std::span<const TrackRun> runs) {
  Fragment fragment;
  BoxWriter out;
  std::vector<size_t> patches;
  out.box("moof", [&] {
    out.full_box("mfhd", 0, 0, [&] { out.u32(sequence); });
    for (const TrackRun& run : runs)
      patches.push_back(run.samples.empty() ? 0 : write_run(out, run));
  });

  uint64_t at = out.size() + 8;  // from the start of moof, the base of data offsets
  for (size_t i = 0; i < runs.size(); ++i) {
    fragment.run_offsets.push_back(runs[i].samples.empty() ? 0 : at);
    if (runs[i].samples.empty()) continue;
    assert(at <= INT32_MAX);
    out.patch_u32(patches[i], static_cast<uint32_t>(at));
    for (const Sample& sample : runs[i].samples) {
      at += sample.data.size();
      if (!sample.data.empty()) fragment.payload.push_back(sample.data);
    }
  }
  const uint64_t mdat = at - out.size();
  assert(mdat <= UINT32_MAX);
  out.u32(static_cast<uint32_t>(mdat));
  out.text("mdat");
  fragment.size = at;
  fragment.header = out.take();
  return fragment;
}

}  // namespace stream::mp4

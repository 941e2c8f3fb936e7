#include "mp4/sample_table.h"

#include <algorithm>

#include "mp4/sample_entry.h"

namespace stream::mp4 {

namespace {

// Offsets may still grow by the space that goes in front of the media; the kind of table must not
// change then.
constexpr uint64_t kWideFrom = UINT32_MAX - (uint64_t{512} << 20);

void append(std::vector<SampleTable::Run>& runs, uint32_t value) {
  if (!runs.empty() && runs.back().value == value)
    ++runs.back().count;
  else
    runs.push_back({1, value});
}

uint32_t clamp_delta(int64_t delta) {
  return static_cast<uint32_t>(std::clamp<int64_t>(delta, 0, UINT32_MAX));
}

void write_runs(BoxWriter& out, std::string_view type, uint8_t version,
                const std::vector<SampleTable::Run>& runs) {
  out.full_box(type, version, 0, [&] {
    out.u32(static_cast<uint32_t>(runs.size()));
    for (const SampleTable::Run run : runs) {
      out.u32(run.count);
      out.u32(run.value);
    }
  });
}

void write_chunks(BoxWriter& out, const SampleTable::Track& table, int64_t shift) {
  out.full_box("stsc", 0, 0, [&] {
    out.u32(static_cast<uint32_t>(table.chunk_samples.size()));
    uint32_t first = 1;
    for (const SampleTable::Run run : table.chunk_samples) {
      out.u32(first);
      out.u32(run.value);
      out.u32(1);
      first += run.count;
    }
  });
  out.full_box("stsz", 0, 0, [&] {
    out.u32(0);
    out.u32(static_cast<uint32_t>(table.sizes.size()));
    for (const uint32_t size : table.sizes) out.u32(size);
  });
  const bool wide = !table.chunk_offsets.empty() && table.chunk_offsets.back() >= kWideFrom;
  out.full_box(wide ? "co64" : "stco", 0, 0, [&] {
    out.u32(static_cast<uint32_t>(table.chunk_offsets.size()));
    for (const uint64_t offset : table.chunk_offsets) {
      const uint64_t shifted = offset + static_cast<uint64_t>(shift);
      if (wide)
        out.u64(shifted);
      else
        out.u32(static_cast<uint32_t>(shifted));
    }
  });
}

void write_sample_tables(BoxWriter& out, const TrackConfig& track, const SampleTable::Track& table,
                         int64_t shift) {
  out.box("stbl", [&] {
    write_sample_description(out, track);
    auto durations = table.durations;
    if (!table.sizes.empty()) append(durations, table.last_duration);
    write_runs(out, "stts", 0, durations);
    const bool no_offsets =
        table.offsets.empty() || (table.offsets.size() == 1 && table.offsets[0].value == 0);
    if (!no_offsets) write_runs(out, "ctts", table.negative_offsets, table.offsets);
    if (table.keys.size() != table.sizes.size()) {
      out.full_box("stss", 0, 0, [&] {
        out.u32(static_cast<uint32_t>(table.keys.size()));
        for (const uint32_t key : table.keys) out.u32(key);
      });
    }
    write_chunks(out, table, shift);
  });
}

int64_t to_movie(int64_t ticks, uint32_t timescale) {
  return rescale(ticks, {1, timescale}, {1, kMovieTimescale});
}

}  // namespace

SampleTable::SampleTable(std::vector<TrackConfig> tracks, std::optional<Nanoseconds> origin)
    : tracks_(std::move(tracks)), tables_(tracks_.size()), origin_(origin) {}

void SampleTable::add_run(size_t track, std::span<const Sample> samples, uint64_t offset) {
  if (samples.empty()) return;
  Track& t = tables_.at(track);
  for (const Sample& sample : samples) {
    if (t.sizes.empty()) {
      t.first_dts = sample.dts;
      t.first_pts = sample.pts;
      t.end_pts = sample.pts;
    } else {
      // From the times themselves, so that a wrong last duration of a fragment does not add up.
      append(t.durations, clamp_delta(sample.dts - t.last_dts));
    }
    t.last_dts = sample.dts;
    t.last_duration = sample.duration;
    t.first_pts = std::min(t.first_pts, sample.pts);
    t.end_pts = std::max(t.end_pts, sample.pts + sample.duration);
    append(t.offsets, static_cast<uint32_t>(static_cast<int32_t>(sample.pts - sample.dts)));
    t.negative_offsets |= sample.pts < sample.dts;
    t.sizes.push_back(static_cast<uint32_t>(sample.data.size()));
    if (sample.key) t.keys.push_back(static_cast<uint32_t>(t.sizes.size()));
  }
  t.chunk_offsets.push_back(offset);
  append(t.chunk_samples, static_cast<uint32_t>(samples.size()));
}

uint64_t SampleTable::samples(size_t track) const {
  return tables_.at(track).sizes.size();
}

uint64_t SampleTable::moov_bound() const {
  uint64_t bytes = 1024;
  for (size_t i = 0; i < tracks_.size(); ++i) {
    const Track& t = tables_[i];
    bytes += 1024 + tracks_[i].codec.config.size() + 4 * (t.sizes.size() + t.keys.size()) +
             8 * (t.durations.size() + t.offsets.size() + t.chunk_offsets.size()) +
             12 * t.chunk_samples.size();
  }
  return bytes;
}

int64_t SampleTable::origin(size_t track) const {
  const Rational own{1, tracks_[track].timescale};
  if (origin_) return rescale(origin_->count(), kNanosecondBase, own);
  // Compared in the movie's ticks, which all tracks share.
  int64_t earliest = INT64_MAX;
  for (size_t i = 0; i < tracks_.size(); ++i) {
    if (tables_[i].sizes.empty()) continue;
    earliest = std::min(earliest, to_movie(tables_[i].first_pts, tracks_[i].timescale));
  }
  return earliest == INT64_MAX ? 0 : rescale(earliest, {1, kMovieTimescale}, own);
}

Nanoseconds SampleTable::duration() const {
  Nanoseconds longest{};
  for (size_t i = 0; i < tracks_.size(); ++i) {
    if (tables_[i].sizes.empty()) continue;
    const int64_t ticks = tables_[i].end_pts - origin(i);
    longest =
        std::max(longest, Nanoseconds(rescale(ticks, {1, tracks_[i].timescale}, kNanosecondBase)));
  }
  return longest;
}

std::vector<uint8_t> SampleTable::moov(int64_t shift) const {
  struct Shown {
    std::vector<Edit> edits;
    uint64_t movie_duration = 0, media_duration = 0;
  };
  std::vector<Shown> shown(tracks_.size());
  uint64_t movie_duration = 0;
  uint32_t next_id = 1;
  for (size_t i = 0; i < tracks_.size(); ++i) {
    next_id = std::max(next_id, tracks_[i].id + 1);
    const Track& t = tables_[i];
    if (t.sizes.empty()) continue;
    const int64_t start = origin(i);
    const uint32_t scale = tracks_[i].timescale;
    const int64_t wait = std::max<int64_t>(t.first_pts - start, 0);  // before the track begins
    const auto wait_ticks = static_cast<uint64_t>(to_movie(wait, scale));
    const auto play_ticks =
        static_cast<uint64_t>(to_movie(std::max<int64_t>(t.end_pts - start - wait, 0), scale));
    if (wait_ticks > 0) shown[i].edits.push_back({wait_ticks, -1});
    shown[i].edits.push_back({play_ticks, std::max<int64_t>(start + wait - t.first_dts, 0)});
    shown[i].movie_duration = wait_ticks + play_ticks;
    shown[i].media_duration = static_cast<uint64_t>(t.last_dts - t.first_dts) + t.last_duration;
    movie_duration = std::max(movie_duration, shown[i].movie_duration);
  }

  BoxWriter out;
  out.box("moov", [&] {
    write_movie_header(out, movie_duration, next_id);
    for (size_t i = 0; i < tracks_.size(); ++i) {
      if (tables_[i].sizes.empty()) continue;
      out.box("trak", [&] {
        write_track_header(out, tracks_[i], shown[i].movie_duration);
        write_edit_list(out, shown[i].edits);
        out.box("mdia", [&] {
          write_media_header(out, tracks_[i], shown[i].media_duration);
          write_handler(out, tracks_[i]);
          out.box("minf", [&] {
            write_media_information(out, tracks_[i]);
            write_sample_tables(out, tracks_[i], tables_[i], shift);
          });
        });
      });
    }
  });
  return out.take();
}

}  // namespace stream::mp4

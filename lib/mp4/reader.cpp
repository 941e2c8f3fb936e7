#include "mp4/reader.h"

#include <algorithm>
#include <cstring>

#include "mp4/box.h"

namespace stream::mp4 {

namespace {

constexpr uint64_t kMaxMoov = 64 << 20, kMaxMoof = 16 << 20;
constexpr size_t kMaxTracks = 64, kMaxRunSamples = 1 << 16, kMaxFragment = 1 << 18;
constexpr int64_t kMaxTime = int64_t{1} << 60;
constexpr uint32_t kNonSyncBit = 0x00010000;  // sample_is_non_sync_sample, 8.8.3.1

constexpr uint32_t code(std::string_view name) {
  return static_cast<uint32_t>(static_cast<uint8_t>(name[0])) << 24 |
         static_cast<uint32_t>(static_cast<uint8_t>(name[1])) << 16 |
         static_cast<uint32_t>(static_cast<uint8_t>(name[2])) << 8 |
         static_cast<uint32_t>(static_cast<uint8_t>(name[3]));
}

// Boxes that may stand at the top of a file, beside moov and moof.
bool is_known(uint32_t type) {
  for (const char* name : {"ftyp", "free", "skip", "mdat", "styp", "sidx", "ssix", "mfra", "emsg",
                           "prft", "uuid", "meta", "wide", "pdin", "moov", "moof", "udta"}) {
    if (type == code(name)) return true;
  }
  return false;
}

uint32_t u32_at(Bytes bytes, uint64_t index) {
  if (bytes.size() < 4 || index > (bytes.size() - 4) / 4) return 0;
  const uint8_t* p = bytes.data() + index * 4;
  return static_cast<uint32_t>(p[0]) << 24 | static_cast<uint32_t>(p[1]) << 16 |
         static_cast<uint32_t>(p[2]) << 8 | p[3];
}

// A full box with a count and entries of `size` bytes, as many as there are.
Bytes entries(Bytes stbl, std::string_view name, size_t size) {
  const auto box = find_box(stbl, name);
  if (!box || box->payload.size() < 8) return {};
  const uint64_t count = u32_at(box->payload, 1);
  const Bytes rest = box->payload.subspan(8);
  return rest.first(static_cast<size_t>(std::min<uint64_t>(count, rest.size() / size)) * size);
}

}  // namespace

Nanoseconds Reader::time(const ReadSample& sample) const {
  return Nanoseconds(rescale(sample.dts, {1, tracks_[sample.track].timescale}, kNanosecondBase));
}

std::vector<uint8_t> Reader::read(uint64_t at, uint64_t size) {
  std::vector<uint8_t> bytes(static_cast<size_t>(std::min(size, size_ - std::min(at, size_))));
  bytes.resize(read_(at, bytes));
  return bytes;
}

std::optional<Reader::Header> Reader::header_at(uint64_t at) {
  const std::vector<uint8_t> bytes = read(at, 16);
  ByteReader reader(bytes);
  Header header;
  header.size = reader.u32();
  header.type = reader.u32();
  if (header.size == 1) {
    header.size = reader.u64();
    header.header = 16;
  } else if (header.size == 0) {
    header.size = size_ - at;
  }
  if (!reader.ok() || header.size < header.header) return std::nullopt;
  return header;
}

// The first box of that type from `from` on, wherever it lies, that fits into the file.
std::optional<uint64_t> Reader::find(std::string_view type, uint64_t from) {
  constexpr uint64_t kWindow = 256 << 10;
  const uint32_t wanted = code(type);
  for (uint64_t at = from; at + 8 <= size_; at += kWindow - 8) {
    const std::vector<uint8_t> bytes = read(at, kWindow);
    if (bytes.size() < 8) break;
    for (size_t i = 0; i + 8 <= bytes.size(); ++i) {
      const auto* hit = static_cast<const uint8_t*>(
          std::memchr(bytes.data() + i + 4, type[0], bytes.size() - i - 7));
      if (!hit) break;
      i = static_cast<size_t>(hit - bytes.data()) - 4;
      if (u32_at(Bytes(bytes).subspan(i + 4), 0) != wanted) continue;
      const auto header = header_at(at + i);
      if (header && header->size >= 16 && header->size <= size_ - (at + i)) return at + i;
    }
  }
  return std::nullopt;
}

bool Reader::open() {
  budget_ = 2 * size_ + (1 << 20);
  bool moof_before = false;
  for (uint64_t at = 0; at < size_;) {
    const auto header = header_at(at);
    if (!header || !is_known(header->type)) break;
    moof_before |= header->type == code("moof");
    if (header->type == code("moov") && take_moov(at, *header)) return true;
    if (header->size > size_ - at) break;
    at += header->size;
  }
  // The index may lie in what is not one: ours does when the end of a file is lost.
  damaged_ = true;
  size_t tries = 0;
  for (auto at = find("moov", 0); at && tries < 100; at = find("moov", *at + 8), ++tries) {
    if (take_moov(*at, *header_at(*at))) return true;
  }
  return false;
}

bool Reader::take_moov(uint64_t at, const Header& header) {
  if (header.size > kMaxMoov) return false;
  moov_ = read(at + header.header, header.size - header.header);
  damaged_ |= moov_.size() < header.size - header.header;
  tracks_.clear();
  states_.clear();
  uint32_t movie_scale = 1;
  if (const auto mvhd = find_box(moov_, "mvhd"); mvhd && !mvhd->payload.empty())
    movie_scale = std::max(u32_at(mvhd->payload, mvhd->payload[0] == 1 ? 5 : 3), 1U);
  Bytes rest(moov_);
  while (const auto box = next_box(rest)) {
    if (box->is("trak") && tracks_.size() < kMaxTracks) take_track(box->payload, movie_scale);
  }
  if (const auto mvex = find_box(moov_, "mvex")) {
    Bytes boxes = mvex->payload;
    while (const auto box = next_box(boxes)) {
      if (!box->is("trex")) continue;
      for (size_t i = 0; i < tracks_.size(); ++i) {
        if (tracks_[i].id == u32_at(box->payload, 1))
          states_[i].defaults = {u32_at(box->payload, 3), u32_at(box->payload, 4),
                                 u32_at(box->payload, 5)};
      }
    }
  }
  at_ = at + header.size;
  return std::any_of(tracks_.begin(), tracks_.end(),
                     [](const ReadTrack& track) { return !track.codec.empty(); });
}

void Reader::take_track(Bytes trak, uint32_t movie_scale) {
  const auto tkhd = find_box(trak, "tkhd");
  const auto mdhd = find_box(trak, "mdia/mdhd");
  const auto stbl = find_box(trak, "mdia/minf/stbl");
  if (!tkhd || !mdhd || !stbl || tkhd->payload.empty() || mdhd->payload.empty()) return;
  ReadTrack track;
  track.id = u32_at(tkhd->payload, tkhd->payload[0] == 1 ? 5 : 3);
  track.timescale = u32_at(mdhd->payload, mdhd->payload[0] == 1 ? 5 : 3);
  if (track.timescale == 0) return;
  if (const auto stsd = find_box(stbl->payload, "stsd"); !stsd || !take_entry(stsd->payload, track))
    track.codec.clear();
  State state;
  state.shift = edit_shift(trak, movie_scale, track.timescale);
  take_tables(stbl->payload, state.table);
  tracks_.push_back(std::move(track));
  states_.push_back(std::move(state));
}

// How far the edit list moves the track: empty edits at the start, then the media time.
int64_t Reader::edit_shift(Bytes trak, uint32_t movie_scale, uint32_t timescale) {
  const auto elst = find_box(trak, "edts/elst");
  if (!elst) return 0;
  ByteReader reader(elst->payload);
  const bool wide = reader.u8() == 1;
  reader.u24();
  const uint32_t count = reader.u32();
  int64_t wait = 0;
  for (uint32_t i = 0; i < count && reader.ok(); ++i) {
    const uint64_t duration = wide ? reader.u64() : reader.u32();
    const int64_t media =
        wide ? static_cast<int64_t>(reader.u64()) : static_cast<int32_t>(reader.u32());
    reader.u32();
    if (!reader.ok() || duration > static_cast<uint64_t>(kMaxTime)) return 0;
    if (media >= 0)
      return media > kMaxTime
                 ? 0
                 : rescale(std::min(wait, kMaxTime / 1000), {1, movie_scale}, {1, timescale}) -
                       media;
    wait = std::min(wait + static_cast<int64_t>(duration), kMaxTime);
  }
  return 0;
}

void Reader::take_tables(Bytes stbl, Table& table) {
  table.durations = entries(stbl, "stts", 8);
  table.offsets = entries(stbl, "ctts", 8);
  table.chunk_map = entries(stbl, "stsc", 12);
  table.chunks = entries(stbl, "stco", 4);
  if (table.chunks.empty()) {
    table.chunks = entries(stbl, "co64", 8);
    table.wide_chunks = true;
  }
  table.has_keys = find_box(stbl, "stss").has_value();
  table.keys = entries(stbl, "stss", 4);
  const auto stsz = find_box(stbl, "stsz");
  if (!stsz || stsz->payload.size() < 12) return;
  table.fixed_size = u32_at(stsz->payload, 1);
  table.count = u32_at(stsz->payload, 2);
  table.sizes = stsz->payload.subspan(12);
  if (table.fixed_size == 0)
    table.count = static_cast<uint32_t>(std::min<uint64_t>(table.count, table.sizes.size() / 4));
}

// The next sample of an ordinary file's track into `ready`.
bool Reader::advance(size_t index) {
  Table& t = states_[index].table;
  t.ready.reset();
  while (t.sample < t.count && !t.chunk_map.empty()) {
    const uint64_t chunks = t.chunks.size() / (t.wide_chunks ? 8 : 4);
    if (t.chunk >= chunks) break;
    while ((t.map_at + 1) * uint64_t{12} < t.chunk_map.size() &&
           u32_at(t.chunk_map, (t.map_at + 1) * uint64_t{3}) <= t.chunk + 1)
      ++t.map_at;
    if (t.in_chunk >= u32_at(t.chunk_map, t.map_at * uint64_t{3} + 1)) {
      ++t.chunk;
      t.in_chunk = 0;
      continue;
    }
    if (t.in_chunk == 0)
      t.place = t.wide_chunks ? uint64_t{u32_at(t.chunks, t.chunk * uint64_t{2})} << 32 |
                                    u32_at(t.chunks, t.chunk * uint64_t{2} + 1)
                              : u32_at(t.chunks, t.chunk);
    for (; t.stts_left == 0 && t.stts_at * uint64_t{8} < t.durations.size(); ++t.stts_at) {
      t.stts_left = u32_at(t.durations, t.stts_at * uint64_t{2});
      t.delta = u32_at(t.durations, t.stts_at * uint64_t{2} + 1);
    }
    for (; t.ctts_left == 0 && t.ctts_at * uint64_t{8} < t.offsets.size(); ++t.ctts_at) {
      t.ctts_left = u32_at(t.offsets, t.ctts_at * uint64_t{2});
      t.composition = static_cast<int32_t>(u32_at(t.offsets, t.ctts_at * uint64_t{2} + 1));
    }
    ReadSample s;
    s.track = index;
    s.size = t.fixed_size > 0 ? t.fixed_size : u32_at(t.sizes, t.sample);
    s.offset = t.place;
    s.duration = t.delta;
    s.dts = t.dts + states_[index].shift;
    s.pts = s.dts + (t.offsets.empty() ? 0 : t.composition);
    ++t.sample;
    while (t.has_keys && t.key_at * uint64_t{4} < t.keys.size() &&
           u32_at(t.keys, t.key_at) < t.sample)
      ++t.key_at;
    s.key = !t.has_keys || u32_at(t.keys, t.key_at) == t.sample;
    ++t.in_chunk;
    t.place = t.place > size_ ? t.place : t.place + s.size;
    t.dts = std::min(t.dts + t.delta, kMaxTime);
    if (t.stts_left > 0) --t.stts_left;
    if (t.ctts_left > 0) --t.ctts_left;
    if (budget_ <= s.size) break;
    budget_ -= std::max(s.size, 1U);
    const bool there = s.offset < size_ && s.size <= size_ - s.offset;
    damaged_ |= !there;
    if (!there || s.size == 0) continue;
    t.ready = s;
    return true;
  }
  return false;
}

std::optional<ReadSample> Reader::next_of_tables() {
  std::optional<size_t> first;
  for (size_t i = 0; i < tracks_.size(); ++i) {
    if (tracks_[i].codec.empty()) continue;
    if (!states_[i].table.ready && !advance(i)) continue;
    if (!first || time(*states_[i].table.ready) < time(*states_[*first].table.ready)) first = i;
  }
  if (!first) return std::nullopt;
  const ReadSample sample = *states_[*first].table.ready;
  states_[*first].next_dts =
      std::max(states_[*first].next_dts, sample.dts - states_[*first].shift + sample.duration);
  states_[*first].table.ready.reset();
  return sample;
}

void Reader::take_run(Bytes trun, size_t track, const Defaults& defaults, uint64_t base,
                      uint64_t& place) {
  ByteReader reader(trun);
  const uint8_t version = reader.u8();
  const uint32_t flags = reader.u24(), count = reader.u32();
  if (flags & 0x1)
    place = base + static_cast<uint64_t>(int64_t{static_cast<int32_t>(reader.u32())});
  uint32_t first_flags = defaults.flags;
  if (flags & 0x4) first_flags = reader.u32();
  State& state = states_[track];
  for (uint32_t i = 0; i < std::min<uint64_t>(count, kMaxRunSamples); ++i) {
    ReadSample s;
    s.track = track;
    s.duration = flags & 0x100 ? reader.u32() : defaults.duration;
    s.size = flags & 0x200 ? reader.u32() : defaults.size;
    const uint32_t sample_flags = flags & 0x400 ? reader.u32()
                                  : i == 0      ? first_flags
                                                : defaults.flags;
    const uint32_t composition = flags & 0x800 ? reader.u32() : 0;
    if (!reader.ok()) {
      damaged_ = true;
      return;
    }
    s.key = !tracks_[track].video || (sample_flags & kNonSyncBit) == 0;
    s.offset = place;
    s.dts = state.next_dts + state.shift;
    s.pts = s.dts + (version == 0 ? int64_t{composition & 0x7fffffff}
                                  : int64_t{static_cast<int32_t>(composition)});
    state.next_dts = std::min(state.next_dts + s.duration, kMaxTime);
    place += s.size;
    if (budget_ <= s.size || fragment_.size() >= kMaxFragment) return;
    budget_ -= std::max(s.size, 1U);
    const bool there = s.offset < size_ && s.size <= size_ - s.offset;
    damaged_ |= !there;
    if (!there) return;
    if (s.size > 0 && !tracks_[track].codec.empty()) fragment_.push_back(s);
  }
}

bool Reader::take_fragment(uint64_t at, Bytes moof) {
  if (!find_box(moof, "mfhd")) return false;
  uint64_t place = at;
  while (const auto traf = next_box(moof)) {
    if (!traf->is("traf")) continue;
    const auto tfhd = find_box(traf->payload, "tfhd");
    if (!tfhd) continue;
    ByteReader reader(tfhd->payload);
    const uint32_t flags = reader.u32() & 0xffffff, id = reader.u32();
    const auto found = std::find_if(tracks_.begin(), tracks_.end(),
                                    [id](const ReadTrack& track) { return track.id == id; });
    if (found == tracks_.end()) continue;
    const auto track = static_cast<size_t>(found - tracks_.begin());
    Defaults defaults = states_[track].defaults;
    uint64_t base = at;
    if (flags & 0x1) base = reader.u64();
    if (flags & 0x2) reader.u32();
    if (flags & 0x8) defaults.duration = reader.u32();
    if (flags & 0x10) defaults.size = reader.u32();
    if (flags & 0x20) defaults.flags = reader.u32();
    if (!reader.ok()) continue;
    if (const auto tfdt = find_box(traf->payload, "tfdt")) {
      ByteReader time_reader(tfdt->payload);
      const bool wide = time_reader.u8() == 1;
      time_reader.u24();
      const uint64_t dts = wide ? time_reader.u64() : time_reader.u32();
      if (!time_reader.ok() || dts > static_cast<uint64_t>(kMaxTime)) continue;
      states_[track].next_dts = static_cast<int64_t>(dts);
    }
    Bytes runs = traf->payload;
    while (const auto trun = next_box(runs)) {
      if (trun->is("trun")) take_run(trun->payload, track, defaults, base, place);
    }
  }
  std::stable_sort(fragment_.begin(), fragment_.end(),
                   [this](const ReadSample& a, const ReadSample& b) { return time(a) < time(b); });
  return true;
}

bool Reader::next_fragment() {
  while (at_ < size_) {
    const auto header = header_at(at_);
    const bool good = header && is_known(header->type);
    const bool whole = good && header->size <= size_ - at_;
    if (whole && header->type == code("moof") && header->size <= kMaxMoof) {
      const std::vector<uint8_t> moof = read(at_ + header->header, header->size - header->header);
      if (take_fragment(at_, moof)) {
        at_ += header->size;
        if (!fragment_.empty()) return true;
        continue;
      }
    } else if (whole && header->type != code("moof")) {
      at_ += header->size;
      continue;
    }
    damaged_ = true;  // a torn end, or rubbish in between
    at_ = find("moof", at_ + (good ? 8 : 1)).value_or(size_);
  }
  return false;
}

std::optional<ReadSample> Reader::next() {
  std::optional<ReadSample> sample;
  if (in_tables_) {
    sample = next_of_tables();
    in_tables_ = sample.has_value();
  }
  if (!sample) {
    if (fragment_.empty() && !next_fragment()) return std::nullopt;
    sample = fragment_.front();
    fragment_.pop_front();
  }
  position_ = sample->offset + sample->size;
  return sample;
}

}  // namespace stream::mp4

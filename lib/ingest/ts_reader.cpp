#include "ingest/ts_reader.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "av/input.h"
#include "base/bounded_queue.h"
#include "base/error.h"
#include "base/log.h"
#include "codec/audio.h"
#include "media/timeline.h"

namespace stream::media {
namespace {

using namespace std::chrono_literals;
using rtmp::MediaKind;

constexpr size_t kReaderPieces = 4096, kReaderBytes = 4u << 20;
constexpr size_t kBatch = 64;        // frames handed over at once
constexpr int kBatchesInFlight = 8;  // batches
constexpr auto kFullPoll = 5ms;
// A track that begins beside one of its kind is another one once that goes on, and has replaced it
// when it did not for so much media.
constexpr int64_t kReplaced = 45000;  // of the 90 kHz clock
constexpr size_t kMostHeld = 200;     // packets, meanwhile
constexpr int kClockBits = 33;

// Names outlive the reader that first saw them; there are as many as FFmpeg has codecs.
std::string_view interned(const std::string& name) {
  static std::mutex mutex;
  static std::set<std::string> names;
  const std::lock_guard lock(mutex);
  return *names.insert(name).first;
}

MediaKind kind_of(const av::Track& track) {
  return track.type == av::MediaType::kVideo ? MediaKind::kVideo : MediaKind::kAudio;
}

// Of one frame, in the 90 kHz clock; 0: not known.
int64_t frame_ticks(std::string_view codec, Bytes frame) {
  std::optional<codec::Description> d;
  if (codec == "aac") {
    if (const auto header = codec::parse_adts(frame)) d = codec::describe_aac(header->config);
  } else {
    d = codec::describe_frame(codec, frame);
  }
  if (!d || d->sample_rate <= 0) return 0;
  return rescale(d->frame_samples, {1, d->sample_rate}, TsReader::kClock);
}

}  // namespace

struct TsReader::State : std::enable_shared_from_this<State> {
  State(boost::asio::io_context& context, std::string title, Handlers h)
      : io(context), name(std::move(title)), handlers(std::move(h)), full_timer(context) {}
  void run();
  size_t fill(std::span<uint8_t> bytes);
  void take(const av::Tracks& tracks, av::Packet packet);
  size_t add_slot(const av::Track& track, int source);
  void replace(size_t slot, const av::Tracks& tracks, int source);
  std::optional<size_t> rival_of(MediaKind kind) const;
  void hold(const av::Tracks& tracks, av::Packet packet, size_t rival);
  void release(int source);
  void settle(const av::Tracks& tracks, MediaKind kind);
  void give(size_t slot, av::Packet packet);
  std::optional<int64_t> time_of(const av::Packet& packet, size_t slot);
  void flush();
  void handled();

  boost::asio::io_context& io;
  const std::string name;
  // The loop's; empty after the end.
  Handlers handlers;
  boost::asio::steady_timer full_timer;
  // Of both.
  BoundedQueue<Buffer> queue{kReaderPieces, kReaderBytes};
  std::shared_ptr<av::Input::Interrupter> interrupter = std::make_shared<av::Input::Interrupter>();
  std::mutex mutex;
  std::condition_variable room;
  int in_flight = 0;
  bool stopping = false;
  std::thread thread;
  // The thread's.
  struct Slot {  // a track as it is handed on
    MediaKind kind{};
    uint8_t id = 0;
    int source = -1;  // the demuxer's track that has it
    std::string_view codec;
    int64_t last = 0;             // decoding time
    std::optional<int64_t> next;  // when the last frame ends
  };
  struct Source {  // a track as the demuxer has it
    int slot = -1;
    std::vector<av::Packet> held;  // not known yet whether it replaces one
  };
  std::vector<Slot> slots;
  std::vector<Source> sources;
  Unwrapper unwrap{kClockBits};
  Buffer piece;
  std::vector<Item> batch;
  bool told_programs = false;
};

// What the demuxer asks for. Whatever it has made is handed over before anything is waited for.
size_t TsReader::State::fill(std::span<uint8_t> bytes) {
  if (piece.empty()) {
    auto next = queue.pop_for(0ms);
    if (!next) {
      flush();
      next = queue.pop();
    }
    if (!next) return 0;
    piece = std::move(*next);
  }
  const size_t n = std::min(bytes.size(), piece.size());
  std::memcpy(bytes.data(), piece.data(), n);
  piece = piece.slice(n);
  return n;
}

void TsReader::State::run() {
  std::string error;
  try {
    auto input = av::Input::from_live_ts([this](std::span<uint8_t> b) { return fill(b); }, name,
                                         interrupter);
    while (auto packet = input.read()) {
      if (!told_programs && input.left_out_programs() > 0) {
        told_programs = true;
        boost::asio::post(io, [self = shared_from_this(), n = input.left_out_programs()] {
          if (self->handlers.notice)
            self->handlers.notice("the source has " + std::to_string(n + 1) +
                                  " programs: only the first one with media is taken");
        });
      }
      take(input.tracks(), std::move(*packet));
    }
    flush();
  } catch (const std::exception& e) {
    error = e.what();
  }
  boost::asio::post(io, [self = shared_from_this(), error] {
    const auto ended = std::exchange(self->handlers, {}).ended;
    if (ended) ended(error);
  });
}

size_t TsReader::State::add_slot(const av::Track& track, int source) {
  const MediaKind kind = kind_of(track);
  const auto same =
      std::count_if(slots.begin(), slots.end(), [kind](const Slot& s) { return s.kind == kind; });
  slots.push_back({kind, static_cast<uint8_t>(same), source, interned(track.codec), 0, {}});
  sources[static_cast<size_t>(source)].slot = static_cast<int>(slots.size()) - 1;
  return slots.size() - 1;
}

// The table changed: the track goes on under another PID, or with another codec.
void TsReader::State::replace(size_t slot, const av::Tracks& tracks, int source) {
  sources[static_cast<size_t>(slots[slot].source)].slot = -1;
  slots[slot].source = source;
  slots[slot].codec = interned(tracks[static_cast<size_t>(source)].codec);
  slots[slot].next.reset();
  sources[static_cast<size_t>(source)].slot = static_cast<int>(slot);
  release(source);
}

// Of its kind, the slot that was given something least lately.
std::optional<size_t> TsReader::State::rival_of(MediaKind kind) const {
  std::optional<size_t> found;
  for (size_t i = 0; i < slots.size(); ++i)
    if (slots[i].kind == kind && (!found || slots[i].last < slots[*found].last)) found = i;
  return found;
}

void TsReader::State::hold(const av::Tracks& tracks, av::Packet packet, size_t rival) {
  const int source = packet.track;
  const int64_t raw = packet.dts != kNoTime ? packet.dts : packet.pts;
  auto& held = sources[static_cast<size_t>(source)].held;
  held.push_back(std::move(packet));
  const int64_t ahead = raw == kNoTime ? 0 : unwrap(static_cast<uint64_t>(raw)) - slots[rival].last;
  if (std::abs(ahead) > kReplaced || held.size() >= kMostHeld) replace(rival, tracks, source);
}

void TsReader::State::release(int source) {
  auto& from = sources[static_cast<size_t>(source)];
  for (av::Packet& packet : std::exchange(from.held, {}))
    give(static_cast<size_t>(from.slot), std::move(packet));
}

// A track of this kind went on: those that wait beside it are further ones.
void TsReader::State::settle(const av::Tracks& tracks, MediaKind kind) {
  for (size_t i = 0; i < sources.size(); ++i) {
    if (sources[i].held.empty() || kind_of(tracks[i]) != kind) continue;
    add_slot(tracks[i], static_cast<int>(i));
    release(static_cast<int>(i));
  }
}

// The second and further frames of a PES packet of sound have no time of their own.
std::optional<int64_t> TsReader::State::time_of(const av::Packet& packet, size_t slot) {
  Slot& s = slots[slot];
  const int64_t raw = packet.dts != kNoTime ? packet.dts : packet.pts;
  std::optional<int64_t> dts = s.next;
  if (raw != kNoTime) dts = unwrap(static_cast<uint64_t>(raw));
  s.next.reset();
  if (dts && s.kind == MediaKind::kAudio) {
    const int64_t ticks = packet.duration > 0 ? packet.duration : frame_ticks(s.codec, packet.data);
    if (ticks > 0) s.next = *dts + ticks;
  }
  return dts;
}

void TsReader::State::take(const av::Tracks& tracks, av::Packet packet) {
  const auto index = static_cast<size_t>(packet.track);
  if (sources.size() <= index) sources.resize(index + 1);
  const MediaKind kind = kind_of(tracks[index]);
  if (sources[index].slot < 0) {
    if (const auto rival = rival_of(kind)) return hold(tracks, std::move(packet), *rival);
    add_slot(tracks[index], packet.track);
  } else {
    settle(tracks, kind);
  }
  give(static_cast<size_t>(sources[index].slot), std::move(packet));
}

void TsReader::State::give(size_t slot, av::Packet packet) {
  const auto dts = time_of(packet, slot);
  if (!dts) return;  // undated packets cannot be placed
  slots[slot].last = *dts;
  Item item;
  item.dts = *dts;
  item.media.kind = slots[slot].kind;
  item.media.packet = rtmp::PacketType::kFrame;
  item.media.track = slots[slot].id;
  item.media.codec = slots[slot].codec;
  item.media.keyframe = packet.key;
  item.media.payload = std::move(packet.data);
  if (packet.pts != kNoTime && packet.dts != kNoTime) {
    // The nearest on the circle of 33 bits.
    const int64_t span = int64_t{1} << kClockBits;
    int64_t ahead = (packet.pts - packet.dts) & (span - 1);
    if (ahead >= span / 2) ahead -= span;
    item.media.composition = Nanoseconds(rescale(ahead, kClock, kNanosecondBase));
  }
  batch.push_back(std::move(item));
  if (batch.size() >= kBatch) flush();
}

void TsReader::State::flush() {
  if (batch.empty()) return;
  {
    std::unique_lock lock(mutex);
    room.wait(lock, [this] { return stopping || in_flight < kBatchesInFlight; });
    if (stopping) return batch.clear();
    ++in_flight;
  }
  boost::asio::post(io, [self = shared_from_this(), items = std::exchange(batch, {})]() mutable {
    if (const auto media = self->handlers.media) media(std::move(items));
    self->handled();
  });
}

// On the loop: lets the next batch come, once the outputs have room.
void TsReader::State::handled() {
  if (handlers.full && handlers.full()) {
    full_timer.expires_after(kFullPoll);
    full_timer.async_wait([self = shared_from_this()](boost::system::error_code cancelled) {
      if (!cancelled) self->handled();
    });
    return;
  }
  {
    const std::lock_guard lock(mutex);
    --in_flight;
  }
  room.notify_one();
}

TsReader::TsReader(boost::asio::io_context& io, std::string name, Handlers handlers)
    : state_(std::make_shared<State>(io, std::move(name), std::move(handlers))) {
  state_->thread = std::thread([state = state_.get()] { state->run(); });
}

TsReader::~TsReader() {
  State& s = *state_;
  s.handlers = {};
  {
    const std::lock_guard lock(s.mutex);
    s.stopping = true;
  }
  s.room.notify_all();
  s.interrupter->interrupt();
  s.queue.stop();
  s.thread.join();
  s.full_timer.cancel();
}

std::function<bool(const Buffer&)> TsReader::sink() {
  return [state = state_](const Buffer& bytes) {
    Buffer item = bytes;
    // What comes after the end is forgotten, not offered again.
    return state->queue.try_push(item, bytes.size()) || state->queue.stopped();
  };
}

void TsReader::finish() {
  state_->queue.stop();
}

}  // namespace stream::media

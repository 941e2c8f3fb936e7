#include "forward/encodes.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <deque>
#include <mutex>
#include <thread>

#include "base/error.h"

namespace stream::media {

using namespace std::chrono_literals;

namespace {

// A hiccup is no news: so many pictures within so short a time are. Then it is slow for a while.
constexpr uint64_t kSlowPictures = 5;
constexpr Nanoseconds kSlowWithin = 2s, kSlowFor = 10s;

int cores() {
  return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, 8);
}

}  // namespace

// What the threads put in is taken out on the io context, in one go.
struct ForwardEncodes::Outlet : std::enable_shared_from_this<Outlet> {
  struct Item {
    std::weak_ptr<PictureEncode> from;  // none: sound
    bool sound = false;
    std::optional<av::Packet> packet;
  };
  explicit Outlet(boost::asio::io_context& context) : io(&context) {}

  void put(Item item) {
    const std::lock_guard lock(mutex);
    if (io == nullptr) return;
    items.push_back(std::move(item));
    if (std::exchange(posted, true)) return;
    boost::asio::post(*io, [self = shared_from_this()] { self->deliver(); });
  }
  void deliver() {
    std::deque<Item> taken;
    {
      const std::lock_guard lock(mutex);
      taken.swap(items);
      posted = false;
    }
    for (Item& item : taken) {
      if (!owner) return;
      const auto from = item.from.lock();
      if (item.sound || from) owner->take(from, std::move(item.packet));
    }
    if (owner) flush();
  }
  void close() {
    owner = nullptr;
    const std::lock_guard lock(mutex);
    io = nullptr;
  }

  ForwardEncodes* owner = nullptr;  // of the io context's thread
  Flush flush;
  std::mutex mutex;
  boost::asio::io_context* io;
  std::deque<Item> items;
  bool posted = false;
};

ForwardEncodes::ForwardEncodes(boost::asio::io_context& io, Handler handler, Flush flush)
    : handler_(std::move(handler)), offload_(io), outlet_(std::make_shared<Outlet>(io)) {
  outlet_->owner = this;
  outlet_->flush = std::move(flush);
}

ForwardEncodes::~ForwardEncodes() {
  outlet_->close();
}

// An encoder ends when its present picture is done: not on this thread, where others wait.
template <typename T>
void ForwardEncodes::let_go(T doomed) {
  const auto shared = std::make_shared<T>(std::move(doomed));
  (void)offload_.run([shared]() -> net::Offload::Completion {
    *shared = nullptr;
    return nullptr;
  });
}

void ForwardEncodes::set_source(const av::Track* picture, const av::Track* sound) {
  picture_ = picture ? std::optional(*picture) : std::nullopt;
  audio_ = sound ? std::optional(*sound) : std::nullopt;
  if (decode_ && picture_) decode_->source(*picture_);
  if (sound_ && audio_) sound_->source(*audio_);
}

void ForwardEncodes::need(const std::vector<RungSpec>& pictures, bool sound) {
  const auto is_needed = [&](const Line& line) {
    return picture_ && std::find(pictures.begin(), pictures.end(), line.spec) != pictures.end();
  };
  bool changed = false;
  for (size_t i = lines_.size(); i-- > 0;) {
    if (is_needed(lines_[i])) continue;
    let_go(std::move(lines_[i].encode));
    lines_.erase(lines_.begin() + static_cast<ptrdiff_t>(i));
    changed = true;
  }
  for (const RungSpec& spec : pictures) {
    const auto same = [&spec](const Line& line) { return line.spec == spec; };
    if (!picture_ || std::any_of(lines_.begin(), lines_.end(), same)) continue;
    Line line;
    line.spec = spec;
    const auto self = std::make_shared<std::weak_ptr<PictureEncode>>();
    line.encode = std::make_shared<PictureEncode>(
        spec, cores(), [outlet = outlet_, self](std::optional<av::Packet> packet) {
          outlet->put({*self, false, std::move(packet)});
        });
    *self = line.encode;  // before any picture is offered
    lines_.push_back(std::move(line));
    changed = true;
  }
  if (changed) tell_encodes();
  if (sound && audio_ && !sound_) {
    sound_ = std::make_unique<SoundEncode>(*audio_, kSoundRate,
                                           [outlet = outlet_](std::optional<av::Packet> packet) {
                                             outlet->put({{}, true, std::move(packet)});
                                           });
  } else if (sound_ && !(sound && audio_)) {
    let_go(std::move(sound_));
    sound_ = nullptr;
  }
}

void ForwardEncodes::tell_encodes() {
  if (lines_.empty()) {
    if (decode_) let_go(std::move(decode_));
    decode_ = nullptr;
    return;
  }
  if (!decode_) {
    decode_ = std::make_unique<PictureDecode>(*picture_, std::clamp(cores() / 2, 1, 4));
    decode_dropped_ = 0;
  }
  std::vector<std::shared_ptr<PictureEncode>> encodes;
  for (const Line& line : lines_) encodes.push_back(line.encode);
  decode_->set_encodes(std::move(encodes));
}

void ForwardEncodes::push_picture(const av::Packet& packet, Nanoseconds shift) {
  if (decode_) decode_->push(packet, shift);
}
void ForwardEncodes::push_sound(const av::Packet& packet, Nanoseconds shift) {
  if (sound_) sound_->push(packet, shift);
}

void ForwardEncodes::take(const std::shared_ptr<PictureEncode>& from,
                          std::optional<av::Packet> packet) {
  if (!packet) {
    if (unfinished_ > 0 && --unfinished_ == 0 && done_) std::exchange(done_, nullptr)();
    return;
  }
  if (!from) return handler_(nullptr, *packet);
  for (Line& line : lines_) {
    if (line.encode != from) continue;
    if (packet->mark && !packet->mark->extradata.empty()) line.extradata = packet->mark->extradata;
    const RungSpec spec = line.spec;
    return handler_(&spec, *packet);
  }
}

void ForwardEncodes::finish(std::function<void()> done) {
  unfinished_ = lines_.size() + (sound_ ? 1 : 0);
  if (unfinished_ == 0) return done();
  done_ = std::move(done);
  if (decode_) decode_->finish();
  if (sound_) sound_->finish();
}

av::Track ForwardEncodes::picture_track(const RungSpec& spec) const {
  av::Track track = picture_.value_or(av::Track{});
  if (track.width > 0) {
    const Size shown = square_size(track.width, track.height, track.sample_aspect);
    const Size size = fit_or_source(spec, shown.width, shown.height);
    track.width = size.width;
    track.height = size.height;
  }
  track.sample_aspect = {1, 1};
  track.codec = av::codec_of_encoder(spec.encoder);
  track.time_base = kPictureBase;
  track.bit_rate = spec.bit_rate;
  track.extradata = {};
  while (track.frame_rate.value() > 60.5) track.frame_rate.den *= 2;
  for (const Line& line : lines_) {
    if (line.spec == spec) track.extradata = line.extradata;
  }
  return track;
}

av::Track ForwardEncodes::sound_track() const {
  if (sound_) return sound_->track();
  av::Track track;
  track.type = av::MediaType::kAudio;
  track.codec = "aac";
  return track;
}

std::vector<ForwardEncodes::Status> ForwardEncodes::look(Nanoseconds now) {
  std::vector<Status> changed;
  const uint64_t decoder = decoder_dropped();
  const bool late = decoder > decode_dropped_;
  decode_dropped_ = decoder;
  for (Line& line : lines_) {
    const uint64_t dropped = line.encode->status().dropped;
    if (now - line.counted_from > kSlowWithin) {
      line.counted_from = now;
      line.counted = line.dropped;
    }
    line.dropped = dropped;
    if (late || dropped - line.counted >= kSlowPictures) line.dropped_at = now;
    const bool slow = line.dropped_at && now - *line.dropped_at < kSlowFor;
    if (slow == line.slow) continue;
    line.slow = slow;
    changed.push_back({line.spec, line.encode->status(), slow});
  }
  return changed;
}

std::vector<ForwardEncodes::Status> ForwardEncodes::status() const {
  std::vector<Status> all;
  for (const Line& line : lines_) all.push_back({line.spec, line.encode->status(), line.slow});
  return all;
}

}  // namespace stream::media

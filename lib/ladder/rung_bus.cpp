#include "ladder/rung_bus.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <future>
#include <utility>

namespace stream::media {
namespace {

// Sound is done before the picture of its time. It waits for it, so that who joins at a keyframe
// gets the sound of that moment; of a picture that does not come not longer than this.
constexpr Nanoseconds kSoundAhead = std::chrono::seconds(3);
constexpr auto kDrainAtMost = std::chrono::milliseconds(500);
constexpr auto kDrainLook = std::chrono::milliseconds(20);
constexpr auto kLook = std::chrono::milliseconds(200);  // how old a status is at the most

// `call` on the thread that runs `io`, which this is not; what it throws is thrown here.
template <typename Call>
auto run_on(boost::asio::io_context& io, Call call) {
  std::packaged_task<decltype(call())()> task(std::move(call));
  auto done = task.get_future();
  boost::asio::post(io, [&task] { task(); });
  return done.get();
}

}  // namespace

RungBus::RungBus(boost::asio::io_context& io, const std::string& bus, BusServer::Observer observer)
    : io_(io) {
  server_.emplace(io, hub_, bus,
                  [this, observer = std::move(observer)](auto event, const auto& reader) {
                    if (event == BusServer::ReaderEvent::kDisconnected)
                      sent_before_ += reader.sent_bytes;
                    observer(event, reader);
                  });
}

void RungBus::look() {
  Status status;
  if (server_) status.readers = server_->readers();
  status.dropped_packets = hub_.dropped();
  status.sent_bytes = sent_before_;
  for (const auto& reader : status.readers) status.sent_bytes += reader.sent_bytes;
  std::lock_guard lock(mutex_);
  status_ = std::move(status);
}

RungBus::Status RungBus::status() const {
  std::lock_guard lock(mutex_);
  return status_;
}

void RungBus::begin(const av::Track& video, const av::Track* sound, bool discontinuity) {
  av::Tracks tracks{video};
  if (sound) tracks.push_back(*sound);
  boost::asio::post(io_, [self = shared_from_this(), tracks = std::move(tracks), discontinuity] {
    self->take_tracks(tracks, discontinuity);
  });
}

void RungBus::picture(av::Packet packet) {
  boost::asio::post(
      io_, [self = shared_from_this(), packet = std::move(packet)] { self->take_picture(packet); });
}

void RungBus::pause() {
  boost::asio::post(io_, [self = shared_from_this()] { self->next_.discontinuity = true; });
}

void RungBus::take_tracks(av::Tracks tracks, bool discontinuity) {
  const bool goes_on = !tracks_.empty();
  if (goes_on && !(tracks[0].extradata == tracks_[0].extradata))
    next_.extradata = tracks[0].extradata;
  next_.discontinuity |= goes_on && discontinuity;
  configured_ = !goes_on;
  tracks_ = std::move(tracks);
  hub_.announce(tracks_);
  if (tracks_.size() < 2) sound_.clear();
}

void RungBus::take_picture(av::Packet packet) {
  if (tracks_.empty()) return;
  packet.track = 0;
  packet.mark = nullptr;
  // An encoder that was replaced begins a little before the pictures that the old one still had.
  packet.dts = std::max(packet.dts, picture_dts_ + 1);
  packet.pts = std::max(packet.pts, packet.dts);
  picture_dts_ = packet.dts;
  if (next_.discontinuity || !next_.extradata.empty())
    packet.mark = std::make_shared<const av::Mark>(std::exchange(next_, {}));
  hub_.push(packet, std::exchange(configured_, true) ? nullptr : &tracks_[0]);
  release_sound(false);
}

void RungBus::take_sound(av::Packet packet) {
  packet.track = 1;
  packet.dts = packet.pts;
  if (packet.pts <= sound_pts_) return;
  sound_pts_ = packet.pts;
  sound_.push_back(std::move(packet));
  release_sound(false);
}

void RungBus::release_sound(bool all) {
  while (!sound_.empty()) {
    const bool known = tracks_.size() == 2;
    const Rational base = known ? tracks_[1].time_base : Rational{1, 48000};
    const auto at = [&](int64_t pts) { return Nanoseconds(rescale(pts, base, kNanosecondBase)); };
    const Nanoseconds picture(rescale(picture_dts_, kLadderBase, kNanosecondBase));
    const bool late = at(sound_.back().pts - sound_.front().pts) > kSoundAhead;
    if (!late && !all && (!known || at(sound_.front().pts) > picture)) return;
    if (known) hub_.push(sound_.front());
    sound_.pop_front();
  }
}

LadderBus::LadderBus(std::string stream, EventSink event)
    : stream_(std::move(stream)), event_(std::move(event)), thread_([this] {
        look();
        io_.run();
      }) {}

LadderBus::~LadderBus() {
  finish();
}

std::shared_ptr<RungBus> LadderBus::add(const std::string& rung) {
  return run_on(io_, [&] {
    rungs_.push_back(std::make_shared<RungBus>(
        io_, stream_ + "/" + rung,
        [this, rung](auto event, const auto& reader) { tell(rung, event, reader); }));
    return rungs_.back();
  });
}

void LadderBus::tell(const std::string& rung, BusServer::ReaderEvent event,
                     const BusServer::ReaderInfo& reader) const {
  event_(event_name(event), {{"rung", rung},
                             {"reader", static_cast<int64_t>(reader.number)},
                             {"reason", std::monostate{}},
                             {"dropped_packets", static_cast<int64_t>(reader.dropped_packets)},
                             {"sent_bytes", static_cast<int64_t>(reader.sent_bytes)}});
}

void LadderBus::sound(const av::Packet& packet) {
  boost::asio::post(io_, [this, packet] {
    for (const auto& rung : rungs_) rung->take_sound(packet);
  });
}

void LadderBus::look() {
  for (const auto& rung : rungs_) rung->look();
  looks_.expires_after(kLook);
  looks_.async_wait([this](boost::system::error_code cancelled) {
    if (!cancelled) look();
  });
}

bool LadderBus::drained() const {
  return std::all_of(rungs_.begin(), rungs_.end(),
                     [](const auto& rung) { return rung->server_->drained(); });
}

void LadderBus::finish() {
  if (!thread_.joinable()) return;
  run_on(io_, [this] {
    for (const auto& rung : rungs_) {
      rung->release_sound(true);
      rung->hub_.end();
      rung->server_->close();
    }
  });
  const Nanoseconds deadline = monotonic_now() + kDrainAtMost;
  while (!run_on(io_, [this] { return drained(); }) && monotonic_now() < deadline)
    std::this_thread::sleep_for(kDrainLook);
  run_on(io_, [this] {
    for (const auto& rung : rungs_) {
      rung->server_.reset();
      rung->look();
    }
    rungs_.clear();
  });
  io_.stop();
  thread_.join();
}

}  // namespace stream::media

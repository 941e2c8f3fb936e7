#include "whep/viewer.h"

#include <algorithm>
#include <random>
#include <utility>

namespace stream::whep {
namespace {

using namespace std::chrono_literals;

constexpr Nanoseconds kReportEach = 1s, kBeginAgain = 1s;
constexpr double kTooLossy = 0.2;
constexpr int kLossyReports = 2;  // spans of a second
// What goes out each 5 ms. A live picture that is large: 100 Mbit/s. A group of pictures that a
// viewer begins with: 26 Mbit/s, 2 s at 6 Mbit/s in 460 ms. Firefox leaves its socket at the 208
// KiB of the system, which hold about 90 packets, six such portions, while it is busy with what a
// session begins with.
constexpr size_t kPortion = 64 << 10, kPortionOfMany = 16 << 10;
constexpr size_t kFew = 2;  // pictures
constexpr auto kPortionEach = 5ms;
// An answer that is lost too costs the player a round of asking, 100 ms and more; so it goes twice,
// with a pause in which a burst of losses may be over.
constexpr auto kCopyAfter = 10ms;
constexpr size_t kMostCopies = 64;
constexpr Nanoseconds kEstimateFor = 3s;  // players tell each second
constexpr Nanoseconds kMoveAtMost = 15s;  // no key frame of either till then: it stays

int64_t unix_now() {
  return std::chrono::duration_cast<Nanoseconds>(wall_now().time_since_epoch()).count();
}

uint32_t random_ssrc() {
  static std::random_device random;
  const uint32_t ssrc = random();
  return ssrc == 0 ? 1 : ssrc;
}

}  // namespace

Viewer::Viewer(boost::asio::io_context& io, const Layers& layers, std::string id,
               std::string address, Observer observer)
    : layers_(layers),
      channel_(layers.rungs()[RungChoice::first(layers.figures())]),
      id_(std::move(id)),
      address_(std::move(address)),
      observer_(std::move(observer)),
      tracks_(layers.tracks(*channel_)),
      opened_(monotonic_now()),
      pacer_(io),
      copier_(io) {
  for (auto& track : tracks_) {
    track.ssrc = random_ssrc();
    if (track.kind == "video") track.rtx_ssrc = random_ssrc();
  }
}

Viewer::~Viewer() {
  close();
}

bool Viewer::open(webrtc::Port& port, const webrtc::Local& local, const webrtc::Answer& answer) {
  for (const auto& track : answer.tracks) {
    const auto mine = std::find_if(tracks_.begin(), tracks_.end(),
                                   [&](const auto& t) { return t.kind == track.kind; });
    if (mine == tracks_.end()) continue;
    rtp::SenderOptions options;
    options.ssrc = mine->ssrc;
    options.payload_type = track.payload_type;
    options.clock_rate = track.clock_rate;
    options.first_sequence = static_cast<uint16_t>(random_ssrc());
    if (!track.nack) options.history_packets = 0;
    options.rtx_payload_type = track.rtx_payload_type;
    options.rtx_ssrc = mine->rtx_ssrc;
    options.playout_delay_extension = track.playout_delay_extension;
    options.send_time_extension = track.abs_send_time_extension;
    (track.kind == "video" ? video_ : audio_).sender.emplace(options);
  }
  webrtc::SessionHandlers handlers;
  handlers.connected = [this] { connected(); };
  handlers.rtcp = [this](Bytes packet) { receive(packet); };
  handlers.closed = [this](webrtc::SessionEnd, const std::string& reason) {
    observer_(*this, Event::kClosed, reason);
  };
  session_ = port.open(local.ice, answer, std::move(handlers));
  return session_ != nullptr;
}

void Viewer::connected() {
  begin(false);
  observer_(*this, Event::kConnected, {});
}

// The pictures since the newest key frame, so that the present one can be shown at once. They are
// to be decoded as fast as that goes: their times are next to each other, just before the newest,
// or just after when that was sent before.
void Viewer::begin(bool again) {
  const auto& cache = channel_->cache();
  begun_ = monotonic_now();
  waits_ = cache.empty();
  pending_.clear();
  if (!video_.sender || cache.empty()) return;
  const uint32_t newest = cache.back()->timestamp;
  handover_.begun(newest);
  uint32_t timestamp = again ? newest + 1 : newest + 1 - static_cast<uint32_t>(cache.size());
  for (const auto& unit : cache) pending_.push_back({unit, timestamp++});
  if (!pacing_) pump();
}

void Viewer::media(const Channel& from, const UnitPtr& unit) {
  if (!is_connected()) return;
  const Nanoseconds now = monotonic_now();
  if (!unit->video) {
    if (!audio_.sender) return;
    for (size_t i = 0; i < unit->payloads->size(); ++i)
      send(audio_, *unit, i, unit->timestamp, now);
    return;
  }
  if (!video_.sender || (&from != channel_ && &from != target_)) return;
  const bool over =
      &from == channel_ ? handover_.shown(unit, now, due_) : handover_.other(unit, now, due_);
  show_due();
  if (over) moved(now);
}

void Viewer::show_due() {
  for (const UnitPtr& unit : due_) picture(unit);
  due_.clear();
}

void Viewer::picture(const UnitPtr& unit) {
  if (waits_) {
    if (!unit->key) return;
    waits_ = false;
    begun_ = monotonic_now();
  }
  show(unit, unit->timestamp);
}

void Viewer::show(const UnitPtr& unit, uint32_t timestamp) {
  if (pending_.size() >= 2 * kMaxCached) return fall_behind();
  pending_.push_back({unit, timestamp});
  if (!pacing_) pump();
}

// What is left of this portion; the timer, when it is used up.
void Viewer::pump() {
  const Nanoseconds now = monotonic_now();
  if (now - portion_begun_ >= kPortionEach) {
    portion_begun_ = now;
    portion_ = 0;
  }
  video_.sender->hold_at_least(channel_->lateness());
  const auto most = [this] { return pending_.size() > kFew ? kPortionOfMany : kPortion; };
  while (!pending_.empty() && portion_ < most() && is_connected()) {
    Pending& first = pending_.front();
    portion_ += (*first.unit->payloads)[first.next].data.size();
    send(video_, *first.unit, first.next, first.timestamp, now);
    if (++first.next == first.unit->payloads->size()) pending_.pop_front();
  }
  pacing_ = !pending_.empty() && is_connected();
  if (!pacing_) return;
  pacer_.expires_after(portion_begun_ + kPortionEach - now);
  pacer_.async_wait([weak = weak_from_this()](boost::system::error_code cancelled) {
    if (const auto self = weak.lock(); self && !cancelled) self->pump();
  });
}

// Until the next key frame.
void Viewer::fall_behind() {
  waits_ = true;
  pending_.clear();
  observer_(*this, Event::kSlow, {});
}

void Viewer::send(Lane& lane, const Unit& unit, size_t i, uint32_t timestamp, Nanoseconds now) {
  lane.sender->send(unit.payloads, i, timestamp, now, packet_);
  session_->send_rtp(packet_);
  if (lane.reported == Nanoseconds{0}) report(lane, &lane == &video_, now);
}

void Viewer::report(Lane& lane, bool video, Nanoseconds now) {
  lane.reported = now;
  ByteWriter out;
  rtp::write_rtcp(out, lane.sender->report(channel_->line().clock(video, now), unix_now()));
  rtp::write_rtcp(out, rtp::Description{lane.sender->ssrc(), layers_.name()});
  session_->send_rtcp(out.view());
}

void Viewer::tick(Nanoseconds now) {
  if (!is_connected()) return;
  for (Lane* lane : {&video_, &audio_})
    if (lane->sender && lane->sender->packets() > 0 && now - lane->reported >= kReportEach)
      report(*lane, lane == &video_, now);
  watch_network(now);
}

void Viewer::receive(Bytes bytes) {
  for (const auto& packet : rtp::parse_rtcp(bytes)) {
    if (const auto* report = std::get_if<rtp::ReceiverReport>(&packet)) {
      take_blocks(report->blocks);
    } else if (const auto* both = std::get_if<rtp::SenderReport>(&packet)) {
      take_blocks(both->blocks);
    } else if (const auto* nack = std::get_if<rtp::Nack>(&packet)) {
      take(*nack);
    } else if (const auto* remb = std::get_if<rtp::Remb>(&packet)) {
      estimate_ = remb->bit_rate;
      estimated_ = monotonic_now();
    } else if (std::holds_alternative<rtp::Pli>(packet) ||
               std::holds_alternative<rtp::Fir>(packet)) {
      asked_for_key();
    }
    if (!is_connected()) return;
  }
}

// The encoder is out of reach; what the cache has is as good as a new key frame. The first time at
// once: Firefox takes media some time after its handshake has ended, and never asks for packets
// before the first that it took.
void Viewer::asked_for_key() {
  if (waits_ || (begun_again_ && monotonic_now() - begun_ < kBeginAgain)) return;
  begun_again_ = true;
  begin(true);
}

void Viewer::take_blocks(const std::vector<rtp::ReportBlock>& blocks) {
  for (const auto& block : blocks)
    for (Lane* lane : {&video_, &audio_})
      if (lane->sender && lane->sender->ssrc() == block.ssrc) {
        const bool measured = lane->sender->read(block, monotonic_now(), unix_now());
        if (lane != &video_ || !measured) continue;
        loss_ = std::max(loss_.value_or(0), lane->sender->loss());
        lossy_ = lane->sender->loss() > kTooLossy ? lossy_ + 1 : 0;
        if (lossy_ < kLossyReports) continue;
        lossy_ = 0;
        if (layers_.rungs().empty() || channel_ == layers_.rungs().front()) fall_behind();
      }
}

void Viewer::watch_network(Nanoseconds now) {
  const auto& rungs = layers_.rungs();
  if (!video_.sender || rungs.empty() || (rungs.size() == 1 && rungs[0] == channel_)) return;
  if (target_ && handover_.wanted() && now - wanted_since_ < kMoveAtMost) return;
  if (const Channel* missed = std::exchange(target_, nullptr)) {
    choice_.missed(now, place_of(*missed));
    handover_.stay(due_);
    show_due();
  }
  if (now - estimated_ > kEstimateFor) estimate_.reset();
  const size_t current = place_of(*channel_);
  if (current == rungs.size()) {  // it ended: the next one below it, or what there is
    const auto smaller = std::count_if(rungs.begin(), rungs.end(), [this](const Channel* one) {
      return one->pixels() < channel_->pixels();
    });
    return move_to(*rungs[static_cast<size_t>(std::max<ptrdiff_t>(smaller - 1, 0))],
                   "the rung ended");
  }
  const auto wish =
      choice_.look(layers_.figures(), current, {now, std::exchange(loss_, {}), estimate_});
  if (wish) move_to(*rungs[wish->rung], wish->reason);
}

void Viewer::move_to(const Channel& channel, const char* reason) {
  target_ = &channel;
  reason_ = reason;
  wanted_since_ = monotonic_now();
  handover_.want(due_);
  show_due();
}

// Among the rungs; their number: it is none any more.
size_t Viewer::place_of(const Channel& channel) const {
  const auto& rungs = layers_.rungs();
  return static_cast<size_t>(std::find(rungs.begin(), rungs.end(), &channel) - rungs.begin());
}

void Viewer::moved(Nanoseconds now) {
  choice_.moved(now, place_of(*channel_), place_of(*target_));
  before_ = channel_->rung();
  channel_ = std::exchange(target_, nullptr);
  // What was lost of the rung before says nothing of this one.
  loss_.reset();
  lossy_ = 0;
  observer_(*this, Event::kMoved, reason_);
}

void Viewer::take(const rtp::Nack& nack) {
  const Nanoseconds now = monotonic_now();
  for (Lane* lane : {&video_, &audio_}) {
    if (!lane->sender || lane->sender->ssrc() != nack.media) continue;
    for (const uint16_t sequence : nack.sequences) {
      if (!lane->sender->resend(sequence, now, packet_)) continue;
      session_->send_rtp(packet_);
      if (lane == &video_ && copies_.size() < kMostCopies) copies_.push_back(sequence);
    }
  }
  if (copies_.empty()) return;
  copier_.expires_after(kCopyAfter);
  copier_.async_wait([weak = weak_from_this()](boost::system::error_code cancelled) {
    if (const auto self = weak.lock(); self && !cancelled) self->send_copies();
  });
}

void Viewer::send_copies() {
  for (const uint16_t sequence : std::exchange(copies_, {}))
    if (is_connected() && video_.sender->resend(sequence, monotonic_now(), packet_, true))
      session_->send_rtp(packet_);
}

void Viewer::close() {
  if (session_) session_->close();
}

double Viewer::seconds() const {
  return std::chrono::duration<double>(monotonic_now() - opened_).count();
}

uint64_t Viewer::sent_bytes() const {
  return session_ ? session_->stats().sent_bytes : 0;
}

uint64_t Viewer::resent_packets() const {
  uint64_t sum = 0;
  for (const Lane* lane : {&video_, &audio_})
    if (lane->sender) sum += lane->sender->resent();
  return sum;
}

int64_t Viewer::lost_packets() const {
  int64_t sum = 0;
  for (const Lane* lane : {&video_, &audio_})
    if (lane->sender) sum += lane->sender->lost();
  return sum;
}

}  // namespace stream::whep

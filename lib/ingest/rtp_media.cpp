#include "ingest/rtp_media.h"

#include <algorithm>
#include <utility>

namespace stream::media {
namespace {

using namespace std::chrono_literals;

constexpr size_t kMostSources = 24;  // SSRCs that are known at one time
constexpr size_t kMostBegun = 64;    // each leaves a line in the sync
constexpr Nanoseconds kReport = 500ms, kKeyAgain = 500ms;
constexpr Nanoseconds kReportArrivals = 100ms;
constexpr int kMostFeedback = 8;      // packets at one time: 32,000 arrivals a second
constexpr Nanoseconds kHealthy = 1s;  // a layer that made nothing for so long does not run
constexpr int kMostBackwards = 3;     // pictures whose time runs back
// For what nobody can be asked for again (browsers offer no NACK for sound): long enough for
// packets that overtook each other. More of it is a burst of late sound after each loss, which the
// buffers of all players grow by and keep for minutes, and the picture waits for the sound.
constexpr Nanoseconds kHoldUnasked = 15ms;

std::string_view literal(std::string_view codec) {
  for (const std::string_view known : {"h264", "hevc", "vp8", "vp9", "av1", "opus"})
    if (codec == known) return known;
  return {};
}

}  // namespace

struct RtpMedia::Layer {
  std::string rid;
  std::optional<uint32_t> ssrc;
  std::optional<rtp::Receiver> receiver;
  rtp::ReceiverStats before;  // of receivers that it had
  size_t line = 0;            // in the sync
  Buffer extradata;
  std::optional<Nanoseconds> made;  // its last unit
  Nanoseconds asked{-1h};           // for a key frame
  bool gone = false;                // said good-bye

  bool runs(Nanoseconds now) const { return !gone && made && now - *made < kHealthy; }
};

struct RtpMedia::Track {
  webrtc::Track agreed;
  std::string_view codec;
  bool picture = false;
  std::vector<Layer> layers;  // the best first
  size_t on_air = 0;
  std::optional<size_t> next;  // that is to be on air
  Buffer extradata;            // that was handed on
  std::optional<int64_t> last;
  std::optional<Nanoseconds> key;  // when the last one came
  int backwards = 0;
  bool hole = false, skips = false;
  uint8_t fir = 0;
};

RtpMedia::RtpMedia(std::vector<webrtc::Track> tracks, Options options, Handlers handlers)
    : options_(options), handlers_(std::move(handlers)), wanted_bps_(options.most_bps) {
  for (webrtc::Track& agreed : tracks) {
    Track track;
    track.codec = literal(agreed.codec);
    track.picture = agreed.kind == "video";
    if (agreed.transport_cc) numbered_ = agreed.transport_sequence_extension;
    track.layers.resize(std::max<size_t>(1, agreed.rids.size()));
    for (size_t i = 0; i < agreed.rids.size(); ++i) track.layers[i].rid = agreed.rids[i];
    track.agreed = std::move(agreed);
    tracks_.push_back(std::move(track));
  }
}

RtpMedia::~RtpMedia() = default;

// --- whose packet it is ----------------------------------------------------------------------

std::optional<RtpMedia::Route> RtpMedia::learn(const rtp::Packet& packet) const {
  for (size_t t = 0; t < tracks_.size(); ++t) {
    const webrtc::Track& agreed = tracks_[t].agreed;
    const bool again = packet.payload_type == agreed.rtx_payload_type;
    if (!again && packet.payload_type != agreed.payload_type &&
        packet.payload_type != agreed.red_payload_type)
      continue;
    Route route{t, 0, again};
    if (agreed.rids.empty()) return route;
    const uint8_t id = again ? agreed.repaired_rid_extension : agreed.rid_extension;
    const auto value = id ? packet.extension(id) : std::nullopt;
    if (!value) return std::nullopt;
    const std::string_view rid(reinterpret_cast<const char*>(value->data()), value->size());
    const auto& layers = tracks_[t].layers;
    const auto found = std::find_if(layers.begin(), layers.end(),
                                    [&](const Layer& layer) { return layer.rid == rid; });
    if (found == layers.end()) return std::nullopt;
    route.layer = static_cast<size_t>(found - layers.begin());
    return route;
  }
  return std::nullopt;
}

std::optional<RtpMedia::Route> RtpMedia::route(const rtp::Packet& packet) {
  if (const auto known = routes_.find(packet.ssrc); known != routes_.end()) return known->second;
  const auto learnt = learn(packet);
  if (!learnt || routes_.size() >= kMostSources) return std::nullopt;
  if (!learnt->again) begin(*learnt, packet.ssrc);
  if (begun_ > kMostBegun) return std::nullopt;
  routes_[packet.ssrc] = *learnt;
  return learnt;
}

// A source that nobody knew takes the place of the one that the layer had.
void RtpMedia::begin(const Route& route, uint32_t ssrc) {
  Track& track = tracks_[route.track];
  Layer& layer = track.layers[route.layer];
  if (++begun_ > kMostBegun) return;
  if (layer.ssrc) routes_.erase(*layer.ssrc);
  if (layer.receiver) {
    const auto stats = layer.receiver->stats();
    layer.before.packets += stats.packets;
    layer.before.lost += stats.lost;
    layer.before.recovered += stats.recovered;
    track.hole = true;
  }
  rtp::ReceiverOptions options;
  options.codec = track.agreed.codec;
  options.clock_rate = track.agreed.clock_rate;
  options.channels = track.agreed.channels;
  options.nack = track.agreed.nack;
  if (!options.nack) options.hold = kHoldUnasked;
  layer.receiver.emplace(std::move(options));
  layer.ssrc = ssrc;
  layer.gone = false;
  layer.line = sync_.add(track.agreed.clock_rate);
}

// --- packets ---------------------------------------------------------------------------------

void RtpMedia::rtp(Bytes bytes, Nanoseconds now) {
  const auto packet = rtp::parse_packet(bytes);
  if (!packet || ended_) return;
  if (numbered_ != 0) note_arrival(*packet, now);
  const auto to = route(*packet);
  if (!to) return;
  bytes_ += bytes.size();
  Track& track = tracks_[to->track];
  Layer& layer = track.layers[to->layer];
  if (!layer.receiver) return;
  if (to->again)
    layer.receiver->receive_rtx(*packet, now);
  else if (packet->payload_type == track.agreed.payload_type)
    layer.receiver->receive(*packet, now);
  else if (packet->payload_type == track.agreed.red_payload_type)
    layer.receiver->receive_red(*packet, track.agreed.payload_type, now);
  drain(track, to->layer, now);
  const auto deadline = layer.receiver->deadline();
  if (deadline && *deadline <= now) ask_again(layer, now);
}

void RtpMedia::note_arrival(const rtp::Packet& packet, Nanoseconds now) {
  const auto value = packet.extension(numbered_);
  if (!value || value->size() < 2) return;
  arrivals_.record(static_cast<uint16_t>((*value)[0] << 8 | (*value)[1]), now);
  last_source_ = packet.ssrc;
}

void RtpMedia::drain(Track& track, size_t number, Nanoseconds now) {
  Layer& layer = track.layers[number];
  while (auto unit = layer.receiver->next()) {
    layer.made = now;
    if (!unit->extradata.empty()) layer.extradata = unit->extradata;
    if (number != track.on_air && number == track.next && unit->key) {
      track.on_air = number;
      track.next.reset();
    }
    if (number == track.on_air) emit(track, layer, std::move(*unit), now);
    if (ended_) return;
  }
}

// WebRTC has no decoding times: what is shown later must come later.
bool RtpMedia::in_order(Track& track, const rtp::Receiver::Unit& unit, int64_t& dts) {
  if (!track.last || dts > *track.last) return true;
  if (!track.picture) return false;
  if (!unit.discontinuity && !unit.key && ++track.backwards >= kMostBackwards) {
    ended_ = true;
    handlers_.refuse(
        "pictures come in another order than they are shown (B-frames); turn B-frames "
        "off in the encoder");
    return false;
  }
  dts = *track.last + 1;
  return true;
}

void RtpMedia::emit(Track& track, Layer& layer, rtp::Receiver::Unit unit, Nanoseconds now) {
  int64_t dts =
      rescale(sync_.place(layer.line, unit.time, unit.arrived).count(), kNanosecondBase, kClock);
  track.hole |= unit.discontinuity;
  if (track.picture && unit.key) track.key = now;
  if (track.picture && track.skips && !unit.key) return;
  track.skips = false;
  if (!in_order(track, unit, dts)) return;
  track.last = dts;
  rtmp::Media media;
  media.kind = track.picture ? rtmp::MediaKind::kVideo : rtmp::MediaKind::kAudio;
  media.codec = track.codec;
  if (unit.key && !layer.extradata.empty() && !(layer.extradata == track.extradata)) {
    track.extradata = layer.extradata;
    rtmp::Media config = media;
    config.packet = rtmp::PacketType::kConfig;
    config.payload = layer.extradata;
    handlers_.media(std::move(config), dts);
    if (ended_) return;
  }
  media.packet = rtmp::PacketType::kFrame;
  media.keyframe = track.picture && unit.key;
  media.discontinuity = std::exchange(track.hole, false);
  media.width = unit.width;
  media.height = unit.height;
  media.payload = std::move(unit.data);
  handlers_.media(std::move(media), dts);
}

void RtpMedia::skip() {
  for (Track& track : tracks_) track.skips = track.hole = true;
}

void RtpMedia::rtcp(Bytes bytes, Nanoseconds now) {
  for (const rtp::Rtcp& one : rtp::parse_rtcp(bytes)) {
    if (ended_) return;
    if (const auto* bye = std::get_if<rtp::Bye>(&one)) farewell(*bye);
    const auto* report = std::get_if<rtp::SenderReport>(&one);
    const auto known = report ? routes_.find(report->ssrc) : routes_.end();
    if (known == routes_.end() || known->second.again) continue;
    Layer& layer = tracks_[known->second.track].layers[known->second.layer];
    layer.receiver->sender_report(*report, now);
    sync_.report(layer.line, layer.receiver->line_time(report->timestamp), report->ntp);
  }
}

void RtpMedia::farewell(const rtp::Bye& bye) {
  bool any = false, all = true;
  for (Track& track : tracks_)
    for (Layer& layer : track.layers) {
      if (!layer.ssrc) continue;
      const bool named =
          std::find(bye.ssrcs.begin(), bye.ssrcs.end(), *layer.ssrc) != bye.ssrcs.end();
      layer.gone |= named;
      any |= named;
      all &= layer.gone;
    }
  if (!any || !all) return;
  ended_ = true;
  handlers_.bye();
}

// --- what is said to the publisher -----------------------------------------------------------

void RtpMedia::tick(Nanoseconds now) {
  for (Track& track : tracks_) {
    for (size_t i = 0; i < track.layers.size() && !ended_; ++i) {
      if (!track.layers[i].receiver) continue;
      track.layers[i].receiver->tick(now);
      drain(track, i, now);
      ask_again(track.layers[i], now);
    }
    if (ended_) return;
    if (!track.picture) continue;
    choose_layer(track, now);
    ask_for_key(track, now);
  }
  if (now >= report_at_) report(now);
  if (now >= arrivals_at_) report_arrivals(now);
}

// The best layer that runs; when the one on air stands still, any that runs.
void RtpMedia::choose_layer(Track& track, Nanoseconds now) {
  if (track.layers.size() < 2) return;
  std::optional<size_t> best;
  for (size_t i = 0; i < track.layers.size() && !best; ++i)
    if (track.layers[i].runs(now)) best = i;
  track.next.reset();
  if (!best || *best == track.on_air) return;
  if (!track.last)
    track.on_air = *best;  // nothing was shown yet
  else
    track.next = best;
}

void RtpMedia::ask_for_key(Track& track, Nanoseconds now) {
  const size_t number = track.next.value_or(track.on_air);
  Layer& layer = track.layers[number];
  if (!layer.receiver || layer.gone || now - layer.asked < kKeyAgain) return;
  const bool old =
      now - std::max(track.key.value_or(layer.asked), layer.asked) >= options_.key_interval;
  if (!track.next && !track.skips && !layer.receiver->wants_key_frame() && !old) return;
  layer.asked = now;
  if (track.agreed.pli)
    say({rtp::Pli{options_.ssrc, *layer.ssrc}});
  else if (track.agreed.fir)
    say({rtp::Fir{options_.ssrc, {{*layer.ssrc, ++track.fir}}}});
}

void RtpMedia::ask_again(Layer& layer, Nanoseconds now) {
  auto missing = layer.receiver->nacks(now);
  if (!missing.empty()) say({rtp::Nack{options_.ssrc, *layer.ssrc, std::move(missing)}});
}

// How much may come twice a second, everything else each second.
void RtpMedia::report(Nanoseconds now) {
  report_at_ = now + kReport;
  full_report_ = !full_report_;
  std::vector<rtp::Rtcp> packets;
  rtp::Remb most{options_.ssrc, 0, {}};
  rtp::ReceiverReport blocks{options_.ssrc, {}};
  int worst = 0;
  bool remb = false;
  for (Track& track : tracks_)
    for (Layer& layer : track.layers) {
      if (!layer.receiver) continue;
      remb |= track.agreed.remb;
      most.ssrcs.push_back(*layer.ssrc);
      if (!full_report_) continue;
      if (auto block = layer.receiver->report(now)) {
        block->ssrc = *layer.ssrc;
        if (track.picture) worst = std::max<int>(worst, block->fraction_lost);
        blocks.blocks.push_back(*block);
      }
    }
  if (most.ssrcs.empty()) return;
  if (full_report_) {
    adapt(worst, now);
    packets.push_back(std::move(blocks));
    packets.push_back(rtp::Description{options_.ssrc, "stream"});
  }
  most.bit_rate = wanted_bps_;
  if (remb) packets.push_back(std::move(most));
  if (!packets.empty()) say(packets);
}

void RtpMedia::report_arrivals(Nanoseconds now) {
  arrivals_at_ = now + kReportArrivals;
  for (int i = 0; i < kMostFeedback; ++i) {
    auto feedback = arrivals_.feedback();
    if (!feedback) return;
    feedback->sender = options_.ssrc;
    feedback->media = last_source_;
    say({std::move(*feedback)});
  }
}

// More than a tenth of loss says that the way is full; `worst` is of 256.
void RtpMedia::adapt(int worst, Nanoseconds now) {
  if (reported_at_ > 0ns)
    receive_bps_ = static_cast<double>(bytes_ - reported_bytes_) * 8e9 /
                   static_cast<double>((now - reported_at_).count());
  reported_at_ = now;
  reported_bytes_ = bytes_;
  if (worst > 26) {
    const double share = 1 - 0.5 * worst / 256.0;
    wanted_bps_ = static_cast<uint64_t>(std::max(150'000.0, receive_bps_ * share));
  } else if (worst < 6) {
    wanted_bps_ = std::min(options_.most_bps, wanted_bps_ + wanted_bps_ / 8 + 50'000);
  }
}

// Reduced-size RTCP is not taken by everybody: a report comes first (RFC 3550 6.1).
void RtpMedia::say(const std::vector<rtp::Rtcp>& packets) {
  ByteWriter out;
  if (!std::holds_alternative<rtp::ReceiverReport>(packets.front()))
    rtp::write_rtcp(out, rtp::ReceiverReport{options_.ssrc, {}});
  for (const rtp::Rtcp& packet : packets) rtp::write_rtcp(out, packet);
  handlers_.feedback(out.view());
}

LinkStats RtpMedia::link() const {
  LinkStats link;
  link.latency_seconds = std::chrono::duration<double>(rtp::ReceiverOptions{}.hold).count();
  link.receive_bps = receive_bps_;
  link.bandwidth_bps = numbered_ != 0 ? 0 : static_cast<double>(wanted_bps_);
  for (const Track& track : tracks_)
    for (const Layer& layer : track.layers) {
      rtp::ReceiverStats stats = layer.receiver ? layer.receiver->stats() : rtp::ReceiverStats{};
      link.received_packets += stats.packets + layer.before.packets;
      link.dropped_packets += stats.lost + layer.before.lost;
      link.retransmitted_packets += stats.recovered + layer.before.recovered;
    }
  link.lost_packets = link.dropped_packets + link.retransmitted_packets;
  return link;
}

}  // namespace stream::media

#include "ingest/rtp_media.h"

#include <algorithm>
#include <utility>

#include "ingest/rtp_media_track.h"

namespace stream::media {
namespace {

using namespace std::chrono_literals;

constexpr size_t kMostSources = 24;  // SSRCs that are known at one time
constexpr size_t kMostBegun = 64;    // each leaves a line in the sync
constexpr int kMostBackwards = 3;    // pictures from one key frame to the next whose time runs back
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
    layer.before += layer.receiver->stats();
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
  layer.counted = 0;
  layer.shown.reset();
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
  if (const auto deadline = layer.receiver->deadline()) {
    if (*deadline <= now) ask_again(layer, now);
    due_ = std::min(due_, *deadline);
  }
  if (track.picture && layer.receiver->wants_key_frame()) due_ = now;
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
bool RtpMedia::in_order(Track& track, Layer& layer, const rtp::Receiver::Unit& unit, int64_t& dts) {
  // Of its own layer: that of another may stand a little behind.
  const bool back = layer.shown && unit.time < *layer.shown;
  layer.shown = unit.time;
  if (unit.key) track.backwards = 0;
  if (!track.last || dts > *track.last) return true;
  if (!track.picture) return false;
  if (back && !unit.discontinuity && !unit.key && ++track.backwards >= kMostBackwards) {
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
  if (!in_order(track, layer, unit, dts)) return;
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
  due_ = Nanoseconds{0};
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

}  // namespace stream::media

// What is said to the publisher: what to send again, key frames, reports; and which layer is taken.
#include <algorithm>
#include <utility>

#include "ingest/rtp_media_track.h"

namespace stream::media {
namespace {

using namespace std::chrono_literals;

constexpr Nanoseconds kReport = 500ms, kKeyAgain = 500ms;
constexpr Nanoseconds kReportArrivals = 100ms;
constexpr int kMostFeedback = 8;  // packets at one time: 32,000 arrivals a second
constexpr double kClearlyMore = 1.2;

}  // namespace

void RtpMedia::tick(Nanoseconds now) {
  due_ = now + kReportArrivals;
  for (Track& track : tracks_) {
    for (size_t i = 0; i < track.layers.size() && !ended_; ++i) {
      if (!track.layers[i].receiver) continue;
      track.layers[i].receiver->tick(now);
      drain(track, i, now);
      ask_again(track.layers[i], now);
      if (const auto next = track.layers[i].receiver->deadline()) due_ = std::min(due_, *next);
    }
    if (ended_) return;
    if (!track.picture) continue;
    choose_layer(track, now);
    ask_for_key(track, now);
  }
  if (now >= report_at_) report(now);
  if (now >= arrivals_at_) report_arrivals(now);
}

// The layer with the most bits of those that run: the order in an offer says nothing, many list the
// smallest first. While nothing was measured it is the one on air, or the first.
void RtpMedia::choose_layer(Track& track, Nanoseconds now) {
  if (track.layers.size() < 2) return;
  std::optional<size_t> best;
  if (track.layers[track.on_air].runs(now)) best = track.on_air;
  for (size_t i = 0; i < track.layers.size(); ++i)
    if (track.layers[i].runs(now) &&
        (!best || track.layers[i].bps > kClearlyMore * track.layers[*best].bps))
      best = i;
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
      const uint64_t bytes = layer.receiver->stats().bytes;
      layer.bps = static_cast<double>(bytes - std::exchange(layer.counted, bytes)) * 8;
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
      rtp::ReceiverStats stats = layer.before;
      if (layer.receiver) stats += layer.receiver->stats();
      link.received_packets += stats.packets;
      link.dropped_packets += stats.lost;
      link.retransmitted_packets += stats.recovered;
    }
  link.lost_packets = link.dropped_packets + link.retransmitted_packets;
  return link;
}

}  // namespace stream::media

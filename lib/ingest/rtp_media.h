// What a WebRTC publisher sends, decrypted, as media: finds the track and the layer that a packet
// is of, puts packets in order, asks for what is missing and for key frames, reports, places the
// tracks on one line of time. Of a simulcast the best layer that runs is taken, and another one at
// its key frame. Pure: packets and time in, media and RTCP out. One thread.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ingest/publisher.h"
#include "rtp/arrivals.h"
#include "rtp/receiver.h"
#include "rtp/sync.h"
#include "webrtc/answer.h"

namespace stream::media {

class RtpMedia {
 public:
  static constexpr Rational kClock{1, 90000};
  struct Options {
    uint32_t ssrc = 1;              // ours, in reports
    uint64_t most_bps = 8'000'000;  // asked for by REMB, where there is no transport-cc
    // A key frame is asked for when none came for so long, for those who begin to read.
    Nanoseconds key_interval = std::chrono::seconds(2);
  };
  struct Handlers {
    std::function<void(rtmp::Media media, int64_t dts)> media;  // in kClock
    std::function<void(Bytes rtcp)> feedback;
    std::function<void(const std::string& text)> refuse;  // it can't go on
    std::function<void()> bye;                            // nothing more comes
  };

  RtpMedia(std::vector<webrtc::Track> tracks, Options options, Handlers handlers);
  ~RtpMedia();
  RtpMedia(const RtpMedia&) = delete;

  void rtp(Bytes packet, Nanoseconds now);
  void rtcp(Bytes packet, Nanoseconds now);
  void tick(Nanoseconds now);  // every 20 ms, or less often: not before due()
  // Until then a tick has nothing to do, when no packet comes: of hundreds of publishers most have
  // lost nothing, and what a tick looks at is in no cache any more.
  Nanoseconds due() const noexcept { return due_; }
  // What was taken is dropped up to the next key frame.
  void skip();
  LinkStats link() const;

 private:
  struct Layer;
  struct Track;
  struct Route {
    size_t track = 0, layer = 0;
    bool again = false;  // RTX
  };

  std::optional<Route> route(const rtp::Packet& packet);
  std::optional<Route> learn(const rtp::Packet& packet) const;
  void begin(const Route& route, uint32_t ssrc);
  void note_arrival(const rtp::Packet& packet, Nanoseconds now);
  void drain(Track& track, size_t layer, Nanoseconds now);
  void emit(Track& track, Layer& layer, rtp::Receiver::Unit unit, Nanoseconds now);
  bool in_order(Track& track, Layer& layer, const rtp::Receiver::Unit& unit, int64_t& dts);
  void choose_layer(Track& track, Nanoseconds now);
  void ask_for_key(Track& track, Nanoseconds now);
  void ask_again(Layer& layer, Nanoseconds now);
  void report(Nanoseconds now);
  void adapt(int worst, Nanoseconds now);
  void report_arrivals(Nanoseconds now);
  void say(const std::vector<rtp::Rtcp>& packets);
  void farewell(const rtp::Bye& bye);

  const Options options_;
  const Handlers handlers_;
  std::vector<Track> tracks_;
  std::map<uint32_t, Route> routes_;
  rtp::Sync sync_;
  uint8_t numbered_ = 0;  // extension of transport-wide sequence numbers
  rtp::Arrivals arrivals_;
  uint32_t last_source_ = 0;
  size_t begun_ = 0;  // receivers so far
  uint64_t bytes_ = 0, reported_bytes_ = 0, wanted_bps_;
  double receive_bps_ = 0;
  Nanoseconds report_at_{0}, reported_at_{0}, arrivals_at_{0}, due_{0};
  bool full_report_ = false, ended_ = false;
};

}  // namespace stream::media

// One live stream as RTP payloads, made once for all who watch it: reads the bus, takes H.264, VP8,
// VP9, AV1 and Opus as they are, makes Opus of other sound, keeps what there is from the newest key
// frame on. Pictures that are shown in another order than they come in cannot be played over WebRTC
// and are refused. On the io context's thread.
#pragma once
#include <boost/asio/io_context.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "encode/sound_converter.h"
#include "forward/input.h"
#include "rtp/packetiser.h"
#include "webrtc/answer.h"
#include "whep/sound_clock.h"

namespace stream::whep {

struct Unit {
  bool video = false, key = false;
  uint32_t timestamp = 0;  // of RTP
  std::vector<rtp::Payload> payloads;
};
using UnitPtr = std::shared_ptr<const Unit>;

inline constexpr size_t kMaxCached = 1000;  // units of picture that a viewer begins with
inline constexpr size_t kMaxCachedBytes = 16u << 20;

class Channel {
 public:
  enum class State {
    kWaiting,  // for tracks and a key frame
    kReady,
    kRefused,  // it cannot be played like this: refusal()
    kEnded,    // the stream is over, or not there
  };
  struct Handlers {
    std::function<void()> changed;              // the state
    std::function<void(const UnitPtr&)> media;  // while it is ready
    std::function<void()> restarted;            // what follows is of other codecs: begin anew
  };

  Channel(boost::asio::io_context& io, std::string name, Handlers handlers);
  Channel(const Channel&) = delete;

  State state() const noexcept { return state_; }
  const std::string& refusal() const noexcept { return refusal_; }
  const std::string& name() const noexcept { return name_; }
  // What a viewer is answered with; the SSRCs are the caller's.
  std::vector<webrtc::SentTrack> tracks() const;
  // Pictures from the newest key frame on; empty when that is too much.
  const std::deque<UnitPtr>& cache() const noexcept { return cache_; }
  // What the RTP clock of a track shows now.
  uint32_t clock(bool video, Nanoseconds now) const;

 private:
  struct Lane {
    int track = -1;
    av::Track info;
    std::string codec;
    std::unique_ptr<rtp::Packetiser> packetiser;
    uint32_t base = 0;  // of timestamps
  };
  void take(std::vector<media::ForwardInput::Item> items);
  void take_tracks(const av::Tracks& tracks);
  void take_packet(const av::Packet& packet);
  void take_picture(const av::Packet& packet);
  void take_sound(const av::Packet& packet);
  void send(Lane& lane, Bytes data, bool key, Nanoseconds at);
  void remember(const UnitPtr& unit);
  void set(State state, std::string refusal = {});
  uint32_t timestamp(const Lane& lane, Nanoseconds at) const;

  const std::string name_;
  const Handlers handlers_;
  State state_ = State::kWaiting;
  std::string refusal_;
  Lane video_, audio_;
  SoundClock sound_clock_;
  std::unique_ptr<media::SoundConverter> converter_;
  std::deque<UnitPtr> cache_;
  size_t cached_bytes_ = 0;
  Nanoseconds origin_;                 // of the line of media times
  std::optional<Nanoseconds> offset_;  // of the input's times on it
  Nanoseconds last_picture_{INT64_MIN};
  media::ForwardInput input_;  // the last: it calls us
};

}  // namespace stream::whep

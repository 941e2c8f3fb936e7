// One bus as RTP payloads, made once for all who watch it: reads the bus, takes H.264, VP8,
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
#include "webrtc/answer.h"
#include "whep/lateness.h"
#include "whep/line.h"
#include "whep/unit.h"

namespace stream::whep {

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
    std::function<void()> changed;  // the state
    // While it is ready: what came together.
    std::function<void(const Channel&, const std::vector<UnitPtr>&)> media;
    std::function<void()> restarted;  // what follows is of other codecs: begin anew
  };

  // `bus`: NAME, or NAME/RUNG whose `line` is that of the ladder's other rungs.
  Channel(boost::asio::io_context& io, std::string bus, std::shared_ptr<Line> line,
          Handlers handlers);
  Channel(const Channel&) = delete;

  State state() const noexcept { return state_; }
  const std::string& refusal() const noexcept { return refusal_; }
  const std::string& name() const noexcept { return name_; }  // of the bus
  std::string rung() const;                                   // empty: the stream itself
  // What a viewer is answered with; the SSRCs are the caller's.
  std::vector<webrtc::SentTrack> tracks() const;
  // Rungs have the same sound: it is taken from one of them.
  void give_sound(bool gives) noexcept { gives_sound_ = gives; }
  bool has_sound() const noexcept { return audio_.packetiser != nullptr; }
  const std::string& codec() const noexcept { return video_.codec; }
  int64_t pixels() const noexcept { return int64_t{video_.info.width} * video_.info.height; }
  // Of pictures, over the last seconds; 0: not known yet.
  int64_t bps() const noexcept { return meter_.bps(); }
  // How late pictures come as a rule; 0 and more.
  Nanoseconds lateness() const noexcept { return lateness_.usual(); }
  // When the newest picture is shown, by the source.
  Nanoseconds position() const noexcept { return last_picture_; }
  // Pictures from the newest key frame on; empty when that is too much.
  const std::deque<UnitPtr>& cache() const noexcept { return cache_; }
  const Line& line() const noexcept { return *line_; }

 private:
  struct Lane {
    int track = -1;
    av::Track info;
    std::string codec;
    std::unique_ptr<rtp::Packetiser> packetiser;
  };
  void take(std::vector<media::ForwardInput::Item> items);
  void take_tracks(const av::Tracks& tracks);
  void take_packet(const av::Packet& packet);
  void take_picture(const av::Packet& packet);
  void take_sound(const av::Packet& packet);
  void send(Lane& lane, Bytes data, bool key, Nanoseconds at);
  void remember(const UnitPtr& unit);
  void hand_on();
  void set(State state, std::string refusal = {});
  Nanoseconds place(int64_t pts, Rational base);

  const std::string name_;
  const Handlers handlers_;
  State state_ = State::kWaiting;
  std::string refusal_;
  Lane video_, audio_;
  const std::shared_ptr<Line> line_;
  bool gives_sound_ = true;
  bool again_ = false;  // what comes next is after a break
  RateMeter meter_;
  Lateness lateness_;
  std::unique_ptr<media::SoundConverter> converter_;
  std::vector<UnitPtr> units_;  // to be handed on
  std::deque<UnitPtr> cache_;
  size_t cached_bytes_ = 0;
  Nanoseconds last_picture_{INT64_MIN};
  media::ForwardInput input_;  // the last: it calls us
};

}  // namespace stream::whep

// What can be shown of one live stream: the rungs of its ladder where they are on the bus and a
// browser plays them, else the stream itself. One sound, whichever rung is watched. On the io
// context's thread.
#pragma once
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "whep/channel.h"
#include "whep/rung_choice.h"

namespace stream::whep {

class Layers {
 public:
  using State = Channel::State;
  struct Handlers {
    std::function<void()> changed;  // the state
    std::function<void(const Channel&, const std::vector<UnitPtr>&)> media;
    std::function<void()> restarted;  // what follows is of other codecs: begin anew
  };

  Layers(boost::asio::io_context& io, std::string name, Handlers handlers);
  Layers(const Layers&) = delete;

  // Before anything is made for a name that somebody came up with. It must be a stream's.
  static bool is_live(const std::string& name);

  State state() const noexcept { return state_; }
  const std::string& refusal() const noexcept { return refusal_; }
  const std::string& name() const noexcept { return name_; }  // the stream's
  void tick(Nanoseconds now);                                 // a few times a second

  // While it is ready: what can be watched, smallest first, all of one codec. Never empty.
  const std::vector<const Channel*>& rungs() const noexcept { return ready_; }
  // How they are, in the same order.
  std::vector<RungChoice::Rung> figures() const;
  // What a viewer of `channel` is answered with; the SSRCs are the caller's.
  std::vector<webrtc::SentTrack> tracks(const Channel& channel) const;

 private:
  std::unique_ptr<Channel> open(const std::string& bus, bool shared);
  void look_for_rungs();
  void watch_stream();
  void update(bool patient);
  void keep_codec();
  void choose_sound();
  void set(State state, std::string refusal = {});

  boost::asio::io_context& io_;
  const std::string name_;
  const Handlers handlers_;
  State state_ = State::kWaiting;
  std::string refusal_;
  std::shared_ptr<Line> line_;                   // of the rungs
  std::vector<std::unique_ptr<Channel>> rungs_;  // none goes while this is there
  std::unique_ptr<Channel> stream_;              // itself, when no rung can be played
  std::vector<const Channel*> ready_;
  std::string codec_;  // of the pictures; chosen when it became ready
  const Channel* sounding_ = nullptr;
  std::optional<Nanoseconds> first_ready_;
  Nanoseconds looked_;
};

}  // namespace stream::whep

// One viewer of a stream: begins with the pictures from the newest key frame on, answers NACK from
// a history and PLI from the cache of the channel it is on, goes from one rung of the stream's
// ladder to another as its network allows, and when its way here loses too much even of the
// smallest waits for the next key frame alone. Pictures go out in small portions: a group of them
// at once would be too much for the buffers on the way. One thread.
#pragma once
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rtp/sender.h"
#include "webrtc/port.h"
#include "whep/handover.h"
#include "whep/layers.h"
#include "whep/rung_choice.h"

namespace stream::whep {

class Viewer : public std::enable_shared_from_this<Viewer> {
 public:
  enum class Event { kConnected, kMoved, kSlow, kClosed };
  using Observer = std::function<void(Viewer&, Event, const std::string& reason)>;

  // `layers` is ready and outlives this.
  Viewer(boost::asio::io_context& io, const Layers& layers, std::string id, std::string address,
         Observer observer);
  ~Viewer();
  Viewer(const Viewer&) = delete;

  // Tracks with SSRCs of this viewer.
  const std::vector<webrtc::SentTrack>& tracks() const noexcept { return tracks_; }
  // False: the port has too many sessions.
  bool open(webrtc::Port& port, const webrtc::Local& local, const webrtc::Answer& answer);
  void media(const Channel& from, const UnitPtr& unit);
  void tick(Nanoseconds now);  // a few times a second
  void close();                // tells the peer; nobody is called

  const Layers& layers() const noexcept { return layers_; }
  const Channel& channel() const noexcept { return *channel_; }  // that it is shown now
  std::string rung_before() const { return before_; }            // with kMoved
  const std::string& id() const noexcept { return id_; }
  const std::string& address() const noexcept { return address_; }
  webrtc::Session& session() noexcept { return *session_; }
  bool is_connected() const { return session_ && session_->is_connected(); }
  double seconds() const;
  uint64_t sent_bytes() const;
  uint64_t resent_packets() const;
  int64_t lost_packets() const;

 private:
  struct Lane {
    std::optional<rtp::Sender> sender;
    Nanoseconds reported{0};
  };
  void connected();
  void begin(bool again);
  void asked_for_key();
  void watch_network(Nanoseconds now);
  void move_to(const Channel& channel, const char* reason);
  void moved(Nanoseconds now);
  size_t place_of(const Channel& channel) const;
  struct Pending {
    UnitPtr unit;
    uint32_t timestamp = 0;
    size_t next = 0;  // of its payloads
  };
  void show_due();
  void picture(const UnitPtr& unit);
  void show(const UnitPtr& unit, uint32_t timestamp);
  void pump();
  void fall_behind();
  void send(Lane& lane, const Unit& unit, size_t i, uint32_t timestamp, Nanoseconds now);
  void receive(Bytes rtcp);
  void take_blocks(const std::vector<rtp::ReportBlock>& blocks);
  void take(const rtp::Nack& nack);
  void send_copies();
  void report(Lane& lane, bool video, Nanoseconds now);

  const Layers& layers_;
  const Channel* channel_;
  const Channel* target_ = nullptr;  // where it goes at a key frame
  std::string reason_, before_;      // of the move
  RungChoice choice_;
  Handover handover_;
  Handover::Units due_;         // what handover_ gives, to be shown at once; kept for its memory
  std::optional<double> loss_;  // since choice_ looked
  std::optional<uint64_t> estimate_;
  Nanoseconds estimated_{0}, wanted_since_{0};
  const std::string id_, address_;
  const Observer observer_;
  std::vector<webrtc::SentTrack> tracks_;
  std::shared_ptr<webrtc::Session> session_;
  Lane video_, audio_;
  bool waits_ = true;  // for a key frame
  bool begun_again_ = false;
  int lossy_ = 0;  // spans in a row
  Nanoseconds opened_, begun_{0};
  std::vector<uint8_t> packet_;
  std::deque<Pending> pending_;  // pictures that wait for their turn
  boost::asio::steady_timer pacer_, copier_;
  bool pacing_ = false;
  Nanoseconds portion_begun_{0};
  size_t portion_ = 0;            // bytes that went out in this one
  std::vector<uint16_t> copies_;  // of picture, that were just sent again
};

}  // namespace stream::whep

// The rungs of a ladder on the bus: each is bus:NAME/RUNG, its picture with the ladder's one sound
// beside it, all under the ladder's own times, so that a reader may go from one to another. Rungs
// and sound only hand packets over: a thread of its own serves the readers, so that no reader,
// however slow, holds up an encoder.
#pragma once
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "ladder/types.h"
#include "media/bus.h"

namespace stream::media {

// One rung. What is public is for any thread, pictures and begin() for one at a time.
class RungBus : public std::enable_shared_from_this<RungBus> {
 public:
  // `bus`: NAME/RUNG. On the thread that runs `io`. Throws what BusServer throws.
  RungBus(boost::asio::io_context& io, const std::string& bus, BusServer::Observer observer);

  // What follows is of these tracks; pictures in kLadderBase, sound in its own base. `sound` may be
  // null: there is none. `discontinuity`: it has nothing to do with what was before.
  void begin(const av::Track& video, const av::Track* sound, bool discontinuity);
  void picture(av::Packet packet);  // in decoding order
  void pause();                     // the next picture does not follow on the last

  struct Status {
    std::vector<BusServer::ReaderInfo> readers;
    // Of all readers there ever were.
    uint64_t sent_bytes = 0, dropped_packets = 0;
  };
  Status status() const;  // as of a moment ago

 private:
  friend class LadderBus;
  // On the thread that runs `io_`.
  void take_tracks(av::Tracks tracks, bool discontinuity);
  void take_picture(av::Packet packet);
  void take_sound(av::Packet packet);
  void release_sound(bool all);
  void look();

  boost::asio::io_context& io_;
  Hub hub_;
  std::optional<BusServer> server_;
  av::Tracks tracks_;       // none yet: nothing is handed on
  av::Mark next_;           // on the next picture
  bool configured_ = true;  // the hub knows tracks_[0]
  int64_t picture_dts_ = -1, sound_pts_ = -1;
  std::deque<av::Packet> sound_;  // ahead of the picture
  uint64_t sent_before_ = 0;      // to readers that have left
  mutable std::mutex mutex_;
  Status status_;
};

class LadderBus {
 public:
  // `event` is told of readers.
  LadderBus(std::string stream, EventSink event);
  ~LadderBus();
  LadderBus(const LadderBus&) = delete;

  // Throws Error kLocked "bus.live" when another process has the rung.
  std::shared_ptr<RungBus> add(const std::string& rung);
  void sound(const av::Packet& packet);  // beside all rungs
  // Nobody new; readers get what waits for them, for a moment. What is handed over later is lost.
  void finish();

 private:
  void tell(const std::string& rung, BusServer::ReaderEvent event,
            const BusServer::ReaderInfo& reader) const;
  bool drained() const;
  void look();

  const std::string stream_;
  const EventSink event_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      io_.get_executor()};
  boost::asio::steady_timer looks_{io_};
  std::vector<std::shared_ptr<RungBus>> rungs_;  // of the thread
  std::thread thread_;
};

}  // namespace stream::media

// Reads a Source on a thread of its own into a hub on the io context's thread: paced by the clock
// when asked to be, held back when the hub's outputs are to be waited for, opened again with
// growing pauses when a source that should go on breaks off. Belongs to the io context's thread.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "ingest/feed.h"
#include "ingest/source.h"

namespace stream::media {

class SourceThread {
 public:
  struct Options {
    bool realtime = false;
    std::optional<Nanoseconds> duration;
    // Without media for so long, network failures are final; zero: never tried again.
    Nanoseconds patience{0};
    bool persistent = false;  // opened again whatever happened, also after its end
  };
  // All on the io context's thread.
  struct Hooks {
    std::function<std::string()> begun;  // tracks are known; gives the session's name
    std::function<void()> packet;        // one went to the hub
    // It broke off; until it is tried again.
    std::function<void(const std::string& reason, Nanoseconds retry)> lost;
    // The last call: nothing follows; why, unless it just ended.
    std::function<void(std::exception_ptr)> ended;
  };
  // `congested` hub: the one whose outputs are waited for.
  SourceThread(boost::asio::io_context& io, Hub& hub, Timeline& timeline, const Hub& congested,
               OpenSource open, Options options, Hooks hooks);
  ~SourceThread();  // stop() and wait
  SourceThread(const SourceThread&) = delete;

  // Soon nothing follows any more; `ended` is not called.
  void stop();

 private:
  void run();
  void read(Source& source);
  bool pace(Nanoseconds at);
  bool hand_over(std::function<void()> work);
  void handled();
  bool wait(Nanoseconds time);

  boost::asio::io_context& io_;
  Hub& hub_;
  Timeline& timeline_;
  const Hub& congested_hub_;
  OpenSource open_;
  Options options_;
  Hooks hooks_;
  std::shared_ptr<av::Input::Interrupter> interrupter_;
  boost::asio::steady_timer congested_timer_;
  std::optional<Feed> feed_;
  // Outlives this for what was posted.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);

  std::mutex mutex_;
  std::condition_variable room_;
  int in_flight_ = 0;
  bool congested_ = false, stopping_ = false;
  // Of the thread alone.
  std::optional<Nanoseconds> pace_start_, pace_last_;
  Nanoseconds last_media_{0};
  bool was_live_ = false, reached_duration_ = false;
  std::thread thread_;
};

}  // namespace stream::media

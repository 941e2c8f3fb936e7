// Keeps a Switcher going: its timer, and a thread that encodes the slate once the stream's
// parameters are known. On the io context's thread; the destructor waits for the thread.
#pragma once
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "ingest/switcher.h"

namespace stream::media {

class SwitchDriver {
 public:
  // `notice`: what the operator should know.
  SwitchDriver(boost::asio::io_context& io, Switcher& switcher, SlateSource slate,
               std::function<void(const std::string&)> notice);
  ~SwitchDriver();
  SwitchDriver(const SwitchDriver&) = delete;
  // Soon: something has changed.
  void poke();

 private:
  void wait();
  void make_slate(av::Tracks tracks);

  boost::asio::io_context& io_;
  Switcher& switcher_;
  SlateSource slate_;
  std::function<void(const std::string&)> notice_;
  boost::asio::steady_timer timer_;
  std::thread worker_;
  bool working_ = false;
  std::shared_ptr<std::atomic<bool>> stopped_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace stream::media

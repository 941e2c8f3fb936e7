// Live MPEG-TS of one publisher, received by some other thread, taken apart by a thread of its own
// and handed to the loop as media in a 90 kHz clock. Bounded at both ends: who pushes is told when
// there is no room, and the thread waits while the loop is behind. Owned by the loop's thread.
#pragma once
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "rtmp/flv_tag.h"

namespace stream::media {

class TsReader {
 public:
  static constexpr Rational kClock{1, 90000};
  struct Item {
    rtmp::Media media;  // composition is set, timestamp is not
    int64_t dts = 0;    // unwrapped
  };
  // On the loop; none after the destructor.
  struct Handlers {
    std::function<void(std::vector<Item>)> media;
    std::function<bool()> full;  // nothing more is wanted for now
    std::function<void(const std::string&)> notice;
    std::function<void(const std::string& error)> ended;  // after finish(), or by an error
  };

  TsReader(boost::asio::io_context& io, std::string name, Handlers handlers);
  ~TsReader();
  TsReader(const TsReader&) = delete;

  // From one thread, which need not be the loop's. False: no room; nothing was taken.
  std::function<bool(const Buffer&)> sink();
  // No more is pushed: what was is handed out, then `ended`.
  void finish();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace stream::media

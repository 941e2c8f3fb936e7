// A hub's stream written to a descriptor (standard output, a file), by a thread of its own, because
// such a descriptor may block and must keep its flags. Belongs to the hub's thread.
#pragma once
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "media/hub.h"
#include "os/fd.h"

namespace stream::media {

class FdOutput {
 public:
  // `done` is called once, on the io context's thread: 0 when all was written after the hub ended,
  // otherwise the errno of a failed write, or -1 with the text of a format that can't hold the
  // tracks.
  using Done = std::function<void(int error, const std::string& text)>;
  FdOutput(boost::asio::io_context& io, Hub& hub, os::Fd fd, std::string format, OnSlow on_slow,
           Done done);
  ~FdOutput();  // waits for a write that is under way
  FdOutput(const FdOutput&) = delete;

  uint64_t written_bytes() const;
  uint64_t dropped_packets() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace stream::media

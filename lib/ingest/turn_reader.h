// Says which of many sockets have something to read, in turns: with a wake-up of its own, a message
// would cost more than it is worth, so all that has arrived meanwhile is taken at one look. A few
// sockets are told at once. On the io context's thread.
#pragma once
#include <sys/epoll.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>

#include "os/fd.h"

namespace stream::media {

class TurnReader : public std::enable_shared_from_this<TurnReader> {
 public:
  class Client {
   public:
    virtual ~Client() = default;
    // Something is there, or the end; what is left is told again. Must not call the reader.
    virtual void readable() = 0;
  };

  explicit TurnReader(boost::asio::io_context& io);
  ~TurnReader();
  TurnReader(const TurnReader&) = delete;

  // The descriptor is watched by nobody else, and lives until it is removed; so does the client.
  void add(int fd, Client& client);
  void remove(int fd);

 private:
  bool in_turns() const noexcept;
  void next();
  void look();

  os::Fd epoll_;
  boost::asio::posix::stream_descriptor watched_;  // epoll_, while sockets are told at once
  boost::asio::steady_timer turn_;
  std::array<epoll_event, 256> events_;
  size_t clients_ = 0;
  bool waiting_ = false;  // for the next look
};

}  // namespace stream::media

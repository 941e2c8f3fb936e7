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
#include <vector>

#include "base/time.h"
#include "os/fd.h"

namespace stream::media {

class TurnReader : public std::enable_shared_from_this<TurnReader> {
 public:
  class Client {
   public:
    virtual ~Client() = default;
    // Something is there; `end`: the end too. True: it left something, to be told again. Must not
    // call the reader.
    virtual bool readable(bool end) = 0;
  };

  // `turn`: how far apart the looks are, however few the sockets; zero: as is best for soon.
  explicit TurnReader(boost::asio::io_context& io, Nanoseconds turn = Nanoseconds{0});
  ~TurnReader();
  TurnReader(const TurnReader&) = delete;

  // The descriptor is watched by nobody else, and lives until it is removed; so does the client.
  void add(int fd, Client& client);
  void remove(int fd, Client& client);

 private:
  bool in_turns() const noexcept;
  Nanoseconds turn() const noexcept;
  void next();
  void look();

  const Nanoseconds fixed_turn_;
  os::Fd epoll_;
  boost::asio::posix::stream_descriptor watched_;  // epoll_, while sockets are told at once
  boost::asio::steady_timer turn_;
  std::array<epoll_event, 256> events_;
  std::vector<Client*> rest_;  // who left something
  size_t clients_ = 0;
  bool waiting_ = false;  // for the next look
};

}  // namespace stream::media

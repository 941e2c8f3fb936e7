// The bus of one live stream, or of one rung of its ladder: a unix socket (os::media_socket_path)
// on which every reader that connects gets the stream as NUT, from its headers and the newest
// keyframe on. Readers come and go without the others noticing. Same user or root only. On the io
// context's thread.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "media/hub.h"

namespace stream::media {

class BusServer {
 public:
  struct ReaderInfo {
    uint64_t number = 0;
    int64_t pid = 0;
    uint64_t sent_bytes = 0;
    size_t queued_bytes = 0;
    Nanoseconds queued_span{0};
    uint64_t dropped_packets = 0;
  };
  enum class ReaderEvent { kConnected, kSlow, kDisconnected };
  using Observer = std::function<void(ReaderEvent, const ReaderInfo&)>;

  // `name` as check_bus_name has it. Takes the place of a dead process's socket. Throws Error
  // kLocked "bus.live" when a live one publishes under the name. `hub` must outlive this.
  BusServer(boost::asio::io_context& io, Hub& hub, std::string name, Observer observer = {});
  ~BusServer();  // cuts the readers off
  BusServer(const BusServer&) = delete;

  // Removes the socket: nobody new. Those connected get what the hub still has for them.
  void close();

  std::vector<ReaderInfo> readers() const;
  bool drained() const;  // nobody is connected
  const std::string& path() const noexcept { return path_; }

 private:
  class Connection;
  void accept();
  void add(boost::asio::local::stream_protocol::socket socket);

  Hub& hub_;
  std::string name_, path_;
  Observer observer_;
  uint64_t next_number_ = 1;
  boost::asio::local::stream_protocol::acceptor acceptor_;
  boost::asio::steady_timer pause_;  // of the acceptor, while descriptors are short
  std::vector<std::shared_ptr<Connection>> connections_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// As stream-events(7) has it.
const char* event_name(BusServer::ReaderEvent event);

}  // namespace stream::media

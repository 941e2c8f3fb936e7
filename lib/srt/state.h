// The inside of lib/srt: what the engine's thread, its sockets and its listeners share. Included by
// .cpp files of this folder only. Each field says whose it is: the loop's, the engine thread's, or
// of both under a mutex.
#pragma once
#include <srt.h>

#include <boost/asio/post.hpp>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "srt/engine.h"

namespace stream::srt {

// After which a silent peer counts as gone.
inline constexpr std::chrono::milliseconds kPeerIdleTime{5000};

std::string host_text(const Endpoint& endpoint);
std::string address_text(const Endpoint& endpoint);
Endpoint endpoint_of(const sockaddr* address);
void set(SRTSOCKET id, SRT_SOCKOPT option, int value);
void set(SRTSOCKET id, SRT_SOCKOPT option, const Secret& value);
void apply(SRTSOCKET id, const Settings& settings);
std::string last_error();
// Why a connection was not made, from libsrt's reason.
Failure refusal(int code, bool rendezvous);

struct Socket::State {
  std::shared_ptr<Engine::State> engine;
  SRTSOCKET id = SRT_INVALID_SOCK;
  // The loop's.
  Handlers handlers;
  bool quiet = false;
  // The engine's.
  std::function<bool(const Buffer&)> received;
  Buffer held;  // the receiver had no room for it
  bool registered = false, reading = false, connecting = false, rendezvous = false;
  bool sends = false, watches_room = false, broken = false, drained = false;
  std::optional<Nanoseconds> finish_by;  // to be closed
  Nanoseconds stats_at{0}, heard_at{0}, broken_at{0};
  uint64_t sent = 0, retransmitted_seen = 0;
  // Of both.
  mutable std::mutex mutex;
  std::deque<Buffer> out;
  size_t out_bytes = 0;
  bool wants_room = false;
  Stats stats;
};

struct Listener::State {
  std::shared_ptr<Engine::State> engine;
  SRTSOCKET id = SRT_INVALID_SOCK;
  uint16_t port = 0;
  Handlers handlers;  // the loop's
  bool quiet = false;
  std::mutex mutex;
  struct Let {
    std::shared_ptr<void> token;
    Nanoseconds at{0};
  };
  std::map<SRTSOCKET, Let> let;  // admitted, handshake not over
  // Of libsrt's receiving thread: how long questions may keep it waiting.
  Nanoseconds patience{std::chrono::seconds(3)}, patience_at{0};
  std::map<std::string, Nanoseconds> unanswered;  // who was refused for want of an answer, and when
};

struct Engine::State : std::enable_shared_from_this<Engine::State> {
  using SocketPtr = std::shared_ptr<Socket::State>;
  using ListenerPtr = std::shared_ptr<Listener::State>;

  explicit State(boost::asio::io_context& context) : io(context) {}
  void loop();
  void command(std::function<void()> work);
  void poll();
  void accept(const ListenerPtr& listener);
  void add(const SocketPtr& socket, int events);
  void begin(const SocketPtr& socket, const Endpoint& peer, const Settings& settings);
  void handle(const SocketPtr& socket, int events);
  void read(const SocketPtr& socket);
  void flush(const SocketPtr& socket);
  void watch(const SocketPtr& socket, bool room);
  void measure(const SocketPtr& socket, Nanoseconds now);
  void failed(const SocketPtr& socket, Failure failure);
  void forget(const SocketPtr& socket);
  void tick();
  Nanoseconds turn() const;
  static int asked(void* opaque, SRTSOCKET id, int version, const sockaddr* peer,
                   const char* stream_id);
  Answer ask(Listener::State& listener, Asking asking);

  template <typename F>
  void tell(const SocketPtr& socket, F f) {
    boost::asio::post(io, [socket, f] {
      if (socket->quiet) return;
      const Socket::Handlers handlers = socket->handlers;  // one of them may let the socket go
      f(handlers);
    });
  }

  boost::asio::io_context& io;
  int epoll = -1;
  std::thread thread;
  std::mutex mutex;
  std::condition_variable wake, decided;
  std::vector<std::function<void()>> commands;
  bool stopping = false;
  // The thread's.
  std::map<SRTSOCKET, SocketPtr> sockets;
  std::map<SRTSOCKET, ListenerPtr> listeners;
  std::vector<ListenerPtr> closed_listeners;  // a callback may still run in them
  std::vector<SRT_EPOLL_EVENT> events;
  static constexpr size_t kScratch = 64 << 10;
  std::unique_ptr<uint8_t[]> scratch{new uint8_t[kScratch]};
};

}  // namespace stream::srt

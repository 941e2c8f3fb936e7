// SRT, the only user of libsrt: all its sockets on one thread with libsrt's epoll, joined to an
// event loop. Calls come from the loop's thread; handlers are called there too, but for
// `received`, which the engine's thread calls so that media need not pass through the loop. libsrt
// adds threads of its own: two per UDP port, one per receiving connection.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/buffer.h"
#include "base/secret.h"
#include "base/time.h"

namespace stream::srt {

using Endpoint = boost::asio::ip::udp::endpoint;

struct Settings {
  std::chrono::milliseconds latency{120};  // the greater of both sides' counts
  Secret passphrase;                       // empty: not encrypted; then the peer must not either
  int key_length = 0;                      // bytes; 0: 16, or as the peer
  Secret stream_id;                        // of a caller
  bool rendezvous = false;                 // both sides call each other, from the same port
  int reorder = 0;                         // so many may overtake one before it counts as lost
  std::string local_host;                  // our own, a numeric address; empty: any
  std::chrono::milliseconds connect_timeout{4500};
};

// Totals of the connection, and its present state.
struct Stats {
  double rtt_seconds = -1;  // < 0: not known yet
  double latency_seconds = 0;
  double buffer_seconds = 0;  // in the receiving buffer
  double receive_bps = 0, bandwidth_bps = 0;
  uint64_t received_packets = 0, received_bytes = 0, lost_packets = 0, retransmitted_packets = 0;
  uint64_t dropped_packets = 0, undecrypted_packets = 0;
  uint64_t sent_bytes = 0;          // given to libsrt
  uint64_t acknowledged_bytes = 0;  // by the peer's library
  uint64_t buffered_bytes = 0;      // sent and not acknowledged yet
  uint64_t waiting_bytes = 0;       // in send()'s queue, not given to libsrt yet
};

struct Failure {
  enum class Kind {
    kUnreachable,  // no answer
    kRefused,      // the peer said no
    kBroken,       // after it was connected
    kClosed,       // the peer closed it
  };
  Kind kind = Kind::kBroken;
  int code = 0;            // the peer's reason of kRefused: libsrt's or one of the guidelines'
  bool permanent = false;  // the same again won't help: a wrong passphrase, a wrong key
  bool in_use = false;     // somebody else publishes there
  std::string reason;      // for people
};

// Codes that a refusal is told with (SRT Access Control Guidelines: 1000 + HTTP's).
inline constexpr int kUnauthorized = 1401, kForbidden = 1403, kBadMode = 1405, kConflict = 1409,
                     kBadRequest = 1400, kOverload = 1402, kUnavailable = 1500;

class Engine;

// A connection, or one on its way. Released by its owner it closes at once.
class Socket : public std::enable_shared_from_this<Socket> {
 public:
  struct Handlers {
    std::function<bool(const Buffer&)> received;  // false: no room now; it is offered again
    std::function<void()> connected;              // of a caller
    std::function<void()> writable;               // send() has room again
    std::function<void(const Failure&)> closed;   // by the other side or the way there; the last
  };
  ~Socket();
  // Handlers of a socket that a listener gave; nothing was read before.
  void start(Handlers handlers);
  // Bytes are cut into packets of 1316 as MPEG-TS wants them, so give multiples of 188. False when
  // kSendQueue bytes wait: nothing was taken then, `writable` will be called.
  bool send(Buffer bytes);
  // Closes once all that was taken is acknowledged and the peer had its latency to play it; after
  // 1.5 s at most.
  void finish();
  void close();  // no handler is called any more
  Stats stats() const;
  const std::string& address() const noexcept { return address_; }  // "127.0.0.1:40000"
  const std::string& host() const noexcept { return host_; }

  static constexpr size_t kSendQueue = 256 << 10;

 private:
  friend class Engine;
  struct State;
  explicit Socket(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
  std::string address_, host_;
};

// A peer that asks to be let in, before the handshake is concluded.
struct Asking {
  std::string address, host, stream_id;  // hostile
};
struct Answer {
  int refused = 0;  // a code; 0: let in
  // Instead of the listener's, when not empty.
  Secret passphrase;
  std::shared_ptr<void> token;  // comes back with the connection
};

class Listener {
 public:
  struct Handlers {
    // On the loop, while the peer waits; to be answered at once or later, there. It is refused
    // when that takes longer than kDecision, or when such waiting has taken more than a quarter of
    // the time lately: nothing is received on the port meanwhile.
    using Answered = std::function<void(Answer)>;
    std::function<void(const Asking&, Answered)> asked;
    std::function<void(std::shared_ptr<Socket>, std::shared_ptr<void> token)> accepted;
  };
  ~Listener();  // takes nobody any more; connections stay
  uint16_t port() const;

  static constexpr std::chrono::milliseconds kDecision{1000};

 private:
  friend class Engine;
  struct State;
  explicit Listener(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

class Engine {
 public:
  explicit Engine(boost::asio::io_context& io);
  ~Engine();  // all is closed
  Engine(const Engine&) = delete;

  // Throws Error "listen.failed".
  std::unique_ptr<Listener> listen(const std::string& host, uint16_t port, const Settings& settings,
                                   Listener::Handlers handlers);
  std::shared_ptr<Socket> connect(const Endpoint& peer, Settings settings,
                                  Socket::Handlers handlers);

  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace stream::srt

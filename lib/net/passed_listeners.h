// TCP listeners that a service manager passed (os::take_passed_sockets), each given to who was to
// listen there itself: whoever connects while the program starts anew is kept waiting, not refused.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "net/tcp_listener.h"
#include "os/notify.h"

namespace stream::net {

class PassedListeners {
 public:
  // Throws Error kUsage "listen.passed" for what is no listening TCP socket.
  explicit PassedListeners(std::vector<os::PassedSocket> sockets);

  // The first one left on `port`, 0 for any; none when there is no such. One that more than this
  // machine reaches is refused where `host` is a loopback address ("listen.passed").
  std::optional<TcpListener> take(const std::string& host, uint16_t port);
  // Throws Error kUsage "listen.passed" when one is left: who connects to it would wait for ever.
  void check_all_taken() const;

 private:
  struct Passed {
    os::Fd fd;
    uint16_t port = 0;
    bool v6 = false, loopback = false;
  };
  std::vector<Passed> left_;
};

}  // namespace stream::net

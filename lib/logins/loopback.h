// The redirect of a browser login (RFC 8252 7.3): a port on 127.0.0.1 that waits for one request
// with our state, answers a small page and closes. Anything else that knocks gets 404 and changes
// nothing.
#pragma once
#include <chrono>
#include <string>

#include "logins/oauth.h"
#include "os/fd.h"

namespace stream::logins {

class Loopback {
 public:
  Loopback();                        // bound before the browser is sent anywhere
  std::string redirect_uri() const;  // "http://127.0.0.1:PORT/"
  // Throws Error kTimeout "login.timeout", kRefused "login.refused" when the user said no.
  Secret wait_for_code(const std::string& state, std::chrono::milliseconds patience);

 private:
  os::Fd listener_;
  int port_ = 0;
};

}  // namespace stream::logins

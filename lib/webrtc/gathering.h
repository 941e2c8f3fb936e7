// How long to leave a socket alone before the next look, so that many datagrams come by one system
// call and one wake-up: with one for each two or three of them, those cost as much as what is done
// with the datagrams. Few are taken as they come. Pure; time is passed in.
#pragma once
#include <cstddef>

#include "base/time.h"

namespace stream::webrtc {

class Gathering {
 public:
  // `room`: bytes of the socket's buffer, as SO_RCVBUF says.
  explicit Gathering(size_t room);

  // After a look that gave `got` datagrams; zero: look when there is something.
  Nanoseconds pause(size_t got, Nanoseconds now);

 private:
  const double most_;  // datagrams that may wait
  size_t count_ = 0;
  Nanoseconds since_{0};
  double rate_ = 0;  // of datagrams in a second
};

}  // namespace stream::webrtc

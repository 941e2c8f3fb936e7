// The RTMP handshake, RTMP 1.0 section 5.2: the server's side answers the simple form and the
// digest form (schemes 0 and 1) of whoever speaks them; the client's side is simple. What the peer
// echoes is read and not compared: several encoders echo wrongly. Random fields are filled from the
// peer's own bytes, for they guard nothing; so a handshake depends on its input alone.
#pragma once
#include <array>
#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace stream::rtmp {

inline constexpr size_t kHandshakeSize = 1536;
enum class HandshakeStatus { kNeedMore, kDone, kError };

class ServerHandshake {
 public:
  // Takes bytes off the front of `in`; what follows the handshake stays. S0, S1 and S2 go to `out`
  // as soon as C0 and C1 are there.
  HandshakeStatus feed(Bytes& in, ByteWriter& out);
  const std::string& error() const noexcept { return error_; }
  // The client proved a digest and got one.
  bool digest() const noexcept { return digest_; }

 private:
  void answer(ByteWriter& out);

  std::array<uint8_t, 1 + kHandshakeSize> hello_{};  // C0 and C1
  size_t hello_size_ = 0;
  size_t echo_left_ = kHandshakeSize;  // of C2
  bool digest_ = false;
  std::string error_;
};

class ClientHandshake {
 public:
  // C0 and C1, to be sent first.
  static void begin(ByteWriter& out);
  // C2 goes to `out` when S1 is complete; done after S2.
  HandshakeStatus feed(Bytes& in, ByteWriter& out);
  const std::string& error() const noexcept { return error_; }

 private:
  std::array<uint8_t, 1 + kHandshakeSize> hello_{};  // S0 and S1
  size_t hello_size_ = 0;
  size_t echo_left_ = kHandshakeSize;  // of S2
  std::string error_;
};

}  // namespace stream::rtmp

// Which addresses FFmpeg may connect to. libavformat resolves names, opens what playlists name and
// follows redirects by itself and has a hook for none of it; so connect(2) itself is defined in the
// program, where the libraries find it before libc's, and asks the guard of the calling thread. A
// name's address is judged when it is used, whatever it was a moment ago.
#pragma once
#include <sys/socket.h>

#include <functional>

namespace stream::av {

using MayConnect = std::function<bool(const sockaddr& address, socklen_t size)>;

// While it lives, the thread connects only to what `may` allows; else EACCES. Threads without one
// connect to anything. Guards of one thread nest; an empty `may` allows all.
class ConnectGuard {
 public:
  explicit ConnectGuard(const MayConnect& may) noexcept;
  ~ConnectGuard();
  ConnectGuard(const ConnectGuard&) = delete;

 private:
  const MayConnect* outer_;
};

}  // namespace stream::av

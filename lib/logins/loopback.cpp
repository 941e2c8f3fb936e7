#include "logins/loopback.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>

#include "base/error.h"
#include "crypto/encoding.h"

namespace stream::logins {
namespace {

constexpr size_t kMaxRequest = 8192;
constexpr const char* kPage =
    "<!doctype html><meta charset=utf-8><title>stream-keys</title><p>Done. This window can be "
    "closed.";

std::string read_request(int client) {
  const timeval patience{5, 0};
  ::setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  std::string request;
  char buffer[1024];
  while (request.size() < kMaxRequest && request.find("\r\n\r\n") == std::string::npos) {
    const ssize_t n = ::recv(client, buffer, sizeof buffer, 0);
    if (n <= 0) break;
    request.append(buffer, static_cast<size_t>(n));
  }
  return request.substr(0, request.find("\r\n"));
}

void respond(int client, const char* status, const std::string& page) {
  const std::string text = std::string("HTTP/1.1 ") + status +
                           "\r\nContent-Type: text/html; charset=utf-8\r\nConnection: close\r\n"
                           "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n"
                           "Content-Length: " +
                           std::to_string(page.size()) + "\r\n\r\n" + page;
  ::send(client, text.data(), text.size(), MSG_NOSIGNAL);
}

}  // namespace

Loopback::Loopback() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (!listener_ ||
      ::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener_.get(), 8) != 0 ||
      ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw_errno("listen on", "127.0.0.1", errno);
  port_ = ntohs(address.sin_port);
}

std::string Loopback::redirect_uri() const {
  return "http://127.0.0.1:" + std::to_string(port_) + "/";
}

Secret Loopback::wait_for_code(const std::string& state, std::chrono::milliseconds patience) {
  const auto limit = std::chrono::steady_clock::now() + patience;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        limit - std::chrono::steady_clock::now());
    pollfd ready{listener_.get(), POLLIN, 0};
    if (left.count() <= 0)
      throw Error(Exit::kTimeout, "login.timeout", "nobody came back from the browser in time",
                  "run the command again, or use the code instead (without --browser)");
    if (::poll(&ready, 1, static_cast<int>(std::min<int64_t>(left.count(), 60'000))) <= 0) continue;
    const os::Fd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!client) continue;
    const Redirect redirect = read_redirect(read_request(client.get()), state);
    if (redirect.code.empty() && redirect.error.empty()) {
      respond(client.get(), "404 Not Found", "");
      continue;
    }
    respond(client.get(), "200 OK", kPage);
    if (!redirect.error.empty())
      throw Error(Exit::kRefused, "login.refused", "the login was refused: " + redirect.error,
                  "run the command again and allow it");
    return redirect.code;
  }
}

}  // namespace stream::logins

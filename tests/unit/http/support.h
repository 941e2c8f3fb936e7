// A server of this process and peers that speak to it, for the tests of lib/http.
#pragma once
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <future>
#include <string>
#include <thread>

#include "http/server.h"

namespace stream::http {

// A server on a thread of its own.
struct Running {
  explicit Running(Handler handler, Limits limits = {}, Gatekeeper gatekeeper = nullptr,
                   net::TlsContexts contexts = nullptr)
      : server(io, "127.0.0.1", 0, std::move(handler), limits) {
    server.admit(std::move(gatekeeper));
    server.secure(std::move(contexts));
    const std::string address = server.address();
    port = static_cast<uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
    thread = std::thread([this] { io.run(); });
  }
  ~Running() {
    io.stop();
    thread.join();
  }
  // On the server's thread.
  void run(const std::function<void()>& what) {
    std::promise<void> done;
    boost::asio::post(io, [&] {
      what();
      done.set_value();
    });
    done.get_future().wait();
  }
  size_t connections() {
    size_t count = 0;
    run([&] { count = server.connections(); });
    return count;
  }
  boost::asio::io_context io{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{io.get_executor()};
  Server server;
  uint16_t port = 0;
  std::thread thread;
};

inline os::Fd dial(uint16_t port) {
  os::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  const timeval limit{10, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  return fd;
}

inline void say(const os::Fd& fd, const std::string& text) {
  os::write_all(fd.get(), Bytes{reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

inline std::string read_all(const os::Fd& fd) {
  std::string text;
  char buffer[65536];
  for (ssize_t n; (n = ::read(fd.get(), buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<size_t>(n));
  return text;
}

inline std::string ask(uint16_t port, const std::string& text) {
  const os::Fd fd = dial(port);
  say(fd, text);
  return read_all(fd);
}

inline std::string one(const std::string& method, const std::string& target,
                       const std::string& headers = "") {
  return method + " " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + "\r\n";
}

}  // namespace stream::http

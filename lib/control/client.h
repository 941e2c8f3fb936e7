// The other end of control/server.h: synchronous, for stream-ctl and tests. Not thread-safe.
#pragma once
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "os/fd.h"

namespace stream::control {

class Client {
 public:
  // Throws Error kNotRunning "control.absent" when nobody listens at `path`.
  explicit Client(const std::string& path,
                  std::chrono::milliseconds timeout = std::chrono::seconds(5));
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // The result. Throws the server's Error, kTimeout "control.timeout", or kNetwork "control.closed"
  // when the peer goes away or speaks no JSON-RPC.
  nlohmann::json call(const std::string& method,
                      const nlohmann::json& params = nlohmann::json::object());
  // The next line after "subscribe" (an event); nullopt when the server closed. Without `timeout`
  // it waits for ever; when that passes: Error kTimeout.
  std::optional<std::string> next_line(std::optional<std::chrono::milliseconds> timeout = {});

  // For a poll() over several clients: the descriptor, and then all whole lines that are there;
  // false once the server closed.
  int fd() const { return fd_.get(); }
  bool read_available(std::vector<std::string>& lines);

 private:
  bool receive();
  std::optional<std::string> take_line();
  std::string read_line(std::optional<std::chrono::steady_clock::time_point> deadline);
  std::string path_, buffer_;
  std::chrono::milliseconds timeout_;
  os::Fd fd_;
  int next_id_ = 0;
};

}  // namespace stream::control

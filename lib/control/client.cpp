#include "control/client.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "base/error.h"
#include "base/text.h"
#include "os/unix_socket.h"

namespace stream::control {
namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::json;

constexpr size_t kMaxAnswerLine = 4 << 20;  // an answer may be long; ours are not

}  // namespace

Client::Client(const std::string& path, std::chrono::milliseconds timeout)
    : path_(path), timeout_(timeout), fd_(os::connect_unix(path)) {
  if (!fd_) {
    const int error = errno;
    if (error == EACCES || error == EPERM) throw_errno("connect to", path, error);
    throw Error(Exit::kNotRunning, "control.absent",
                "nobody listens on " + path + ": " + errno_text(error));
  }
  const timeval limit{static_cast<time_t>(timeout.count() / 1000),
                      static_cast<suseconds_t>(timeout.count() % 1000 * 1000)};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

Json Client::call(const std::string& method, const Json& params) {
  const int id = ++next_id_;
  const std::string line =
      Json{{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", params}}.dump() + "\n";
  const auto deadline = Clock::now() + timeout_;
  if (os::write_all(fd_.get(), Bytes{reinterpret_cast<const uint8_t*>(line.data()), line.size()}) !=
      0)
    throw Error(Exit::kNetwork, "control.closed", path_ + " closed the connection");
  for (;;) {
    const std::string text = read_line(deadline);
    if (text.empty())
      throw Error(Exit::kNetwork, "control.closed", path_ + " closed the connection");
    const Json reply = Json::parse(text, nullptr, false);
    if (!reply.is_object())
      throw Error(Exit::kNetwork, "control.closed", path_ + " does not speak JSON-RPC");
    if (reply.value("id", Json()) != Json(id)) continue;  // an event in between
    if (const auto error = reply.find("error"); error != reply.end() && error->is_object()) {
      const Json data = error->value("data", Json::object());
      const int code = error->value("code", 1);
      const auto text_of = [&](const char* key) {
        return data.is_object() && data.contains(key) && data[key].is_string()
                   ? data[key].get<std::string>()
                   : std::string();
      };
      throw Error(code > 0 ? static_cast<Exit>(code) : Exit::kNo,
                  text_of("id").empty() ? "control.refused" : text_of("id"),
                  error->value("message", "refused"), text_of("hint"));
    }
    return reply.value("result", Json());
  }
}

std::optional<std::string> Client::next_line(std::optional<std::chrono::milliseconds> timeout) {
  std::optional<Clock::time_point> deadline;
  if (timeout) deadline = Clock::now() + *timeout;
  std::string line = read_line(deadline);
  if (line.empty()) return std::nullopt;
  return line;
}

std::optional<std::string> Client::take_line() {
  for (size_t end; (end = buffer_.find('\n')) != std::string::npos;) {
    std::string line = buffer_.substr(0, end);
    buffer_.erase(0, end + 1);
    if (!line.empty()) return line;
  }
  return std::nullopt;
}

// False when the peer closed.
bool Client::receive() {
  if (buffer_.size() > kMaxAnswerLine)
    throw Error(Exit::kNetwork, "control.closed", path_ + " sent a line without end");
  char chunk[16384];
  ssize_t n = 0;
  do {
    n = ::recv(fd_.get(), chunk, sizeof chunk, 0);
  } while (n < 0 && errno == EINTR);
  if (n <= 0) return false;
  buffer_.append(chunk, static_cast<size_t>(n));
  return true;
}

bool Client::read_available(std::vector<std::string>& lines) {
  const bool open = receive();
  while (auto line = take_line()) lines.push_back(std::move(*line));
  return open;
}

// Without its '\n'; empty when the peer closed.
std::string Client::read_line(std::optional<Clock::time_point> deadline) {
  for (;;) {
    if (auto line = take_line()) return std::move(*line);
    int wait = -1;
    if (deadline)
      wait = static_cast<int>(std::max<int64_t>(
          0, std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now()).count()));
    pollfd poll_fd{fd_.get(), POLLIN, 0};
    const int ready = ::poll(&poll_fd, 1, wait);
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0)
      throw Error(Exit::kTimeout, "control.timeout", path_ + " did not answer in time",
                  "the program may be busy; try again");
    if (!receive()) return {};
  }
}

}  // namespace stream::control

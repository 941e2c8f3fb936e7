// Big transfers to other people's HTTP servers: many at once on one thread (libcurl multi), bodies
// streamed from and to callbacks, a limit per phase instead of one on the whole, one bandwidth
// limit for all. No redirects, no retries: what to do about a failure is the caller's business.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stream::fetch {

using Headers = std::vector<std::pair<std::string, std::string>>;

// How long each phase may pass without a byte of progress.
struct PhaseLimits {
  std::chrono::milliseconds connect{10'000}, send{60'000}, answer{60'000}, receive{60'000};
};

struct Transfer {
  std::string method = "GET", url;
  Headers headers;
  uint64_t body_size = 0;
  // Fills `out` with the body's bytes from `offset`, fewer only at its end; SIZE_MAX ends the
  // transfer. Called on the engine's thread, again from 0 when a kept connection was dead.
  std::function<size_t(uint64_t offset, std::span<char> out)> body;
  // Takes the body of an answer of this status, on the engine's thread; false ends the transfer.
  // Without it, and for any other status, the body is collected.
  std::function<bool(std::string_view)> sink;
  int sink_status = 200;
  size_t max_body = 1 << 20;
  PhaseLimits limits;
  bool fresh_connection = false;  // and a fresh lookup of the name
};

struct Answer {
  int status = 0;   // 0: none; `failure` says why, without the request's query or headers
  Headers headers;  // names in lower case
  std::string body, failure;
  bool cancelled = false, refused = false;  // refused: the address itself, trying again is no use
  bool sent = false;                        // the whole request went out
  const std::string* header(std::string_view name) const;
};

class Transfers {
 public:
  Transfers();
  ~Transfers();
  Transfers(const Transfers&) = delete;
  Transfers& operator=(const Transfers&) = delete;

  // Blocks until the transfer has ended. From any thread, any number at a time.
  Answer perform(const Transfer& transfer);
  // Bytes per second sent by all transfers together; 0: no limit.
  void limit_rate(uint64_t bytes_per_second);
  // Ends those under way and all to come; for the stop.
  void cancel();
  bool cancelled() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stream::fetch

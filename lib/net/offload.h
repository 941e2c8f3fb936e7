// Blocking work (name lookups, secrets from a vault) away from the event loop: each job has a
// thread of its own, so that one that hangs delays nobody. On the io context's thread; the
// destructor waits for nothing, and what jobs still come to is then forgotten.
#pragma once
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>

namespace stream::net {

class Offload {
 public:
  // What is left to do on the io context.
  using Completion = std::function<void()>;
  static constexpr size_t kMaxJobs = 64;

  explicit Offload(boost::asio::io_context& io);
  ~Offload();
  Offload(const Offload&) = delete;

  // False when too many jobs hang or there is no thread: nothing will happen then. `job` must not
  // throw.
  [[nodiscard]] bool run(std::function<Completion()> job);

 private:
  struct Door;
  std::shared_ptr<Door> door_;  // what the threads share; shut by the destructor
};

}  // namespace stream::net

// What the program tells its operators: NDJSON lines with the envelope of design section 5, to the
// --events target and to the subscribers of the control socket. Thread-safe. emit() never waits for
// a reader: the target has a writer thread with a bounded queue (4096 lines; the oldest go first
// and are counted), and a slow subscriber is dropped by its own session.
#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace stream::control {

using Json = nlohmann::json;
using Line = std::shared_ptr<const std::string>;  // with its '\n'

class LineWriter;

class Events {
 public:
  // `target`: "" none, "-" stdout, a number: that descriptor, "unix:PATH": connects to it, else a
  // file that is appended to. Throws Error "events.target".
  Events(std::string tool, const std::string& target);
  ~Events();
  Events(const Events&) = delete;
  Events& operator=(const Events&) = delete;

  // `event` and its `fields` stand in event_list.cpp (asserted); `stream` may be empty. Strings
  // from peers need no escaping: JSON does it. After "exit" nothing is emitted any more.
  void emit(std::string_view event, std::string_view stream, Json fields = Json::object());

  // The handler runs on the emitting thread under a lock: hand the line on, do nothing else.
  // The id is for unsubscribe(), after which the handler is not called again.
  uint64_t subscribe(std::function<void(const Line&)> handler);
  void unsubscribe(uint64_t id);

  // Waits until all is written, at most a second; called by the destructor as well.
  void flush();

 private:
  struct Subscriber {
    uint64_t id;
    std::function<void(const Line&)> handler;
  };
  const std::string tool_;
  std::mutex mutex_;
  uint64_t sequence_ = 0, next_id_ = 0;
  bool exited_ = false;
  std::vector<Subscriber> subscribers_;
  std::unique_ptr<LineWriter> writer_;
};

}  // namespace stream::control

// What a long-running program owns: signals, the control sockets, events, readiness and the stop.
// Threaded programs let it have its own io thread; a program with an io_context of its own runs it
// there (no thread is made). All public functions but the verbs' handlers may be called from any
// thread.
//
//   Service service(bundle.service("record"));
//   service.status([&](const std::string&) { return Json{...}; });   // own snapshot, no media lock
//   service.on_stop([&] { reader.stop(); });
//   service.ready("recording demo");
//   return service.run([&] { ...work until service.stopping()...; return Exit::kOk; });
#pragma once
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "control/events.h"

namespace stream::control {

struct ServiceOptions {
  std::string tool;    // "ladder": RUNTIME/NAME/ladder.sock, "tool" of the events
  std::string name;    // stream name; empty: no control socket until attach()
  std::string events;  // see Events
};

class Service {
 public:
  explicit Service(ServiceOptions options);                      // own thread
  Service(ServiceOptions options, boost::asio::io_context& io);  // the caller runs `io`
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  Events& events();
  // Shorthand for events().emit with the service's name as stream.
  void emit(std::string_view event, Json fields = Json::object());

  // Handlers run on the io thread. Set them before ready(); status fields join the answer of the
  // verb "status" ({schema, tool, stream, state, pid, uptime_seconds, ...}).
  void status(std::function<Json(const std::string& stream)> handler);
  using StreamVerb = std::function<Json(const Json& params, const std::string& stream)>;
  void verb(std::string name, StreamVerb handler);  // may replace "stop"
  void on_reload(std::function<void()> handler);    // SIGHUP; throws to refuse the new settings

  // A stream that this program serves gets RUNTIME/NAME/<tool>.sock; the name given in the options
  // is attached from the start. Throws Error kLocked "bus.live". In the shared-io form these
  // two must be called on the io thread.
  void attach(const std::string& name);
  void detach(const std::string& name);

  void ready(const std::string& status_line);  // READY=1, STATUS=
  void status_line(const std::string& text);   // STATUS=
  void alive() noexcept;  // the media clock moved; wait-free, call per packet. Feeds WATCHDOG=1

  // The stop. The first cause wins. on_stop handlers run once, on the io thread, or at once on the
  // caller's when the stop has begun already; they must not block.
  void stop(const std::string& reason, Exit code = Exit::kOk);
  bool stopping() const noexcept;
  int stop_fd() const noexcept;  // becomes readable at the stop and stays so: for poll()
  bool wait_stop(std::chrono::milliseconds timeout) const;  // true when stopping
  void on_stop(std::function<void()> handler);

  // To be called last: STOPPING=1, the event "exit", sockets gone. `code` is what the work came to;
  // when that is kOk a stop by signal decides: SIGINT 130, SIGTERM 0 once ready, else 143.
  int finish(Exit code = Exit::kOk, std::string reason = {});
  // Does the work and finishes: what it throws becomes the exit event and travels on to run_tool.
  int run(const std::function<Exit()>& work);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace stream::control

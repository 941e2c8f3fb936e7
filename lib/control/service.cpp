// Long because signals, the control socket and the service manager all move one state.
#include "control/service.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <future>
#include <map>
#include <thread>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "control/server.h"
#include "os/dirs.h"
#include "os/fd.h"
#include "os/notify.h"

namespace stream::control {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// Copies of one Ctrl-C (a terminal signals the whole pipeline, a wrapper forwards it) count once.
constexpr auto kSignalCopies = std::chrono::milliseconds(500);
constexpr auto kReloadPause = std::chrono::milliseconds(10);
constexpr auto kLastAnswers = std::chrono::milliseconds(500);

}  // namespace

struct Service::State : std::enable_shared_from_this<Service::State> {
  State(ServiceOptions chosen, asio::io_context& context)
      : options(std::move(chosen)),
        io(context),
        events("stream-" + options.tool, options.events),
        signals(context),
        watchdog(context),
        reload_wait(context),
        stop_event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  const ServiceOptions options;
  std::unique_ptr<asio::io_context> own_io;
  asio::io_context& io;
  Events events;
  asio::signal_set signals;
  asio::steady_timer watchdog, reload_wait;
  os::Fd stop_event;
  std::thread thread;
  const Nanoseconds started = monotonic_now();

  std::map<std::string, std::unique_ptr<Server>> servers;  // io thread

  std::mutex mutex;  // all below
  std::function<Json(const std::string&)> status_handler;
  std::map<std::string, StreamVerb> verbs;
  std::function<void()> reload_handler;
  std::vector<std::function<void()>> stop_handlers;
  std::string line = "starting", stop_reason;
  Exit stop_code = Exit::kOk;
  int stop_signal = 0;

  std::atomic<bool> is_ready{false}, is_stopping{false}, finished{false};
  std::atomic<uint64_t> beats{0};
  uint64_t seen_beats = 0;      // io thread
  Nanoseconds first_signal{0};  // io thread
  bool reload_due = false;      // io thread

  double uptime() const { return std::chrono::duration<double>(monotonic_now() - started).count(); }

  void start();
  void wait_signal();
  void on_signal(int number);
  void reload_soon();
  void reload();
  void wait_watchdog(std::chrono::microseconds interval);
  std::optional<Json> dispatch(const std::string& method, const Json& params,
                               const std::string& stream);
  Json status(const std::string& stream);
  void stop(const std::string& reason, Exit code, int signal_number);
  void exit_event(int code, const std::string& reason, const std::string& error_id);
  int exit_code(Exit code) const;
  void close();
  void forget();
  int finish(Exit code, std::string reason, const std::string& error_id);

  // Runs `work` on the io thread and waits; what it throws comes back.
  template <typename Work>
  void on_io(Work work) {
    if (!thread.joinable() || thread.get_id() == std::this_thread::get_id()) return work();
    std::promise<void> done;
    asio::post(io, [&] {
      try {
        work();
        done.set_value();
      } catch (...) {
        done.set_exception(std::current_exception());
      }
    });
    done.get_future().get();
  }
};

void Service::State::start() {
  for (int number : {SIGINT, SIGTERM, SIGHUP}) signals.add(number);
  wait_signal();
  if (const auto interval = os::watchdog_interval()) wait_watchdog(*interval);
}

void Service::State::wait_signal() {
  // Weak, here and below: the state owns the io_context that keeps the handler.
  signals.async_wait([weak = weak_from_this()](error_code error, int number) {
    const auto self = weak.lock();
    if (error || !self) return;
    self->on_signal(number);
    self->wait_signal();
  });
}

void Service::State::on_signal(int number) {
  if (number == SIGHUP) return reload_soon();
  const std::string name = number == SIGINT ? "SIGINT" : "SIGTERM";
  if (first_signal == Nanoseconds(0)) {
    first_signal = monotonic_now();
    return stop(name, number == SIGINT ? Exit::kInterrupted : Exit::kOk, number);
  }
  if (monotonic_now() - first_signal < kSignalCopies) return;
  log::warning("a second " + name + ": stopping now, unfinished");
  exit_event(128 + number, "aborted by a second " + name, "");
  for (auto& [stream, server] : servers) server->close();
  ::signal(number, SIG_DFL);
  ::raise(number);
  ::_exit(128 + number);
}

// Once for many: a flood of them must not stand in the way of a SIGTERM.
void Service::State::reload_soon() {
  if (std::exchange(reload_due, true)) return;
  reload_wait.expires_after(kReloadPause);
  reload_wait.async_wait([weak = weak_from_this()](error_code error) {
    const auto self = weak.lock();
    if (error || !self) return;
    self->reload_due = false;
    self->reload();
  });
}

void Service::State::reload() {
  std::function<void()> handler;
  {
    std::lock_guard lock(mutex);
    handler = reload_handler;
  }
  if (!handler) return;
  const auto usec = std::chrono::duration_cast<std::chrono::microseconds>(monotonic_now()).count();
  os::notify("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(usec));
  Json error;
  try {
    handler();
  } catch (const std::exception& e) {
    error = e.what();
    log::error(std::string("the new settings were refused, the old ones stay: ") + e.what());
  }
  events.emit("service.reloaded", options.name, {{"ok", error.is_null()}, {"error", error}});
  os::notify(error.is_null() ? "READY=1" : "READY=1\nSTATUS=reload refused, see the log");
}

void Service::State::wait_watchdog(std::chrono::microseconds interval) {
  watchdog.expires_after(interval);
  watchdog.async_wait([weak = weak_from_this(), interval](error_code error) {
    const auto self = weak.lock();
    if (error || !self) return;
    const uint64_t beats_now = self->beats.load(std::memory_order_relaxed);
    if (beats_now != self->seen_beats) os::notify("WATCHDOG=1");
    self->seen_beats = beats_now;
    self->wait_watchdog(interval);
  });
}

std::optional<Json> Service::State::dispatch(const std::string& method, const Json& params,
                                             const std::string& stream) {
  StreamVerb handler;
  {
    std::lock_guard lock(mutex);
    if (const auto it = verbs.find(method); it != verbs.end()) handler = it->second;
  }
  if (handler) return handler(params, stream);
  if (method == "status") return status(stream);
  if (method != "stop") return std::nullopt;
  stop("asked by the control socket", Exit::kOk, 0);
  return Json{{"stopping", true}};
}

Json Service::State::status(const std::string& stream) {
  std::function<Json(const std::string&)> handler;
  Json result{{"schema", "stream.status/1"},
              {"tool", "stream-" + options.tool},
              {"stream", stream.empty() ? Json(nullptr) : Json(stream)},
              {"state", is_stopping ? "stopping"
                        : is_ready  ? "running"
                                    : "starting"},
              {"pid", ::getpid()},
              {"uptime_seconds", uptime()}};
  {
    std::lock_guard lock(mutex);
    result["detail"] = line;
    handler = status_handler;
  }
  if (handler) result.update(handler(stream));
  return result;
}

void Service::State::stop(const std::string& reason, Exit code, int signal_number) {
  std::vector<std::function<void()>> handlers;
  {
    std::lock_guard lock(mutex);
    if (is_stopping) return;
    stop_reason = reason;
    stop_code = code;
    stop_signal = signal_number;
    is_stopping = true;
    handlers.swap(stop_handlers);
  }
  const uint64_t one = 1;
  if (::write(stop_event.get(), &one, sizeof one) < 0) log::debug("eventfd is full");
  os::notify("STOPPING=1");
  events.emit("service.stopping", options.name, {{"detail", reason}});
  log::debug("stopping: " + reason);
  asio::dispatch(io, [handlers = std::move(handlers)] {
    for (const auto& handler : handlers) handler();
  });
}

int Service::State::exit_code(Exit code) const {
  if (code != Exit::kOk || !is_stopping) return static_cast<int>(code);
  if (stop_signal == SIGTERM && !is_ready) return static_cast<int>(Exit::kTerminated);
  return static_cast<int>(stop_code);
}

void Service::State::exit_event(int code, const std::string& reason, const std::string& error_id) {
  events.emit("exit", options.name,
              {{"code", code},
               {"reason", reason},
               {"error", error_id.empty() ? Json(nullptr) : Json(error_id)},
               {"uptime_seconds", uptime()}});
  events.flush();
}

void Service::State::close() {
  error_code ignored;
  signals.clear(ignored);
  // One that comes now, or a copy that comes late, must not make a failure of work that is done.
  for (int number : {SIGINT, SIGTERM}) ::signal(number, SIG_IGN);
  watchdog.cancel();
  reload_wait.cancel();
  for (auto& [name, server] : servers) server->close();
}

// What was handed over is of the work, which is over: a request that comes now gets what the
// service itself knows.
void Service::State::forget() {
  std::map<std::string, StreamVerb> old_verbs;
  std::vector<std::function<void()>> old_stops;
  std::function<Json(const std::string&)> old_status;
  std::function<void()> old_reload;
  std::lock_guard lock(mutex);  // goes before them
  old_verbs.swap(verbs);
  old_stops.swap(stop_handlers);
  old_status.swap(status_handler);
  old_reload.swap(reload_handler);
}

int Service::State::finish(Exit code, std::string reason, const std::string& error_id) {
  if (finished.exchange(true)) return exit_code(code);
  forget();
  os::notify("STOPPING=1");
  const int number = exit_code(code);
  if (reason.empty()) reason = is_stopping ? stop_reason : "done";
  exit_event(number, reason, error_id);
  on_io([this] { close(); });
  // The last answers and events still go out.
  const Nanoseconds deadline = monotonic_now() + kLastAnswers;
  bool idle = false;
  while (!idle && monotonic_now() < deadline) {
    if (!thread.joinable()) {
      io.restart();
      io.run_for(std::chrono::milliseconds(10));
    }
    on_io([&] {
      idle = true;
      for (const auto& [name, server] : servers) idle = idle && server->idle();
    });
    if (!idle && thread.joinable()) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return number;
}

Service::Service(ServiceOptions options) {
  auto own = std::make_unique<asio::io_context>(1);
  state_ = std::make_shared<State>(std::move(options), *own);
  state_->own_io = std::move(own);
  state_->start();
  if (!state_->options.name.empty()) attach(state_->options.name);
  state_->thread = std::thread([state = state_.get()] {
    const auto work = asio::make_work_guard(state->io);
    state->io.run();
  });
}

Service::Service(ServiceOptions options, asio::io_context& io)
    : state_(std::make_shared<State>(std::move(options), io)) {
  state_->start();
  if (!state_->options.name.empty()) attach(state_->options.name);
}

Service::~Service() {
  if (!state_->finished) state_->finish(Exit::kNo, "ended without a result", "");
  if (state_->thread.joinable()) {
    state_->io.stop();
    state_->thread.join();
  }
  state_->servers.clear();
}

Events& Service::events() {
  return state_->events;
}

void Service::emit(std::string_view event, Json fields) {
  state_->events.emit(event, state_->options.name, std::move(fields));
}

void Service::status(std::function<Json(const std::string&)> handler) {
  std::lock_guard lock(state_->mutex);
  state_->status_handler = std::move(handler);
}

void Service::verb(std::string name, StreamVerb handler) {
  std::lock_guard lock(state_->mutex);
  state_->verbs[std::move(name)] = std::move(handler);
}

void Service::on_reload(std::function<void()> handler) {
  std::lock_guard lock(state_->mutex);
  state_->reload_handler = std::move(handler);
}

void Service::attach(const std::string& name) {
  check_stream_name(name);
  state_->on_io([&] {
    if (state_->servers.count(name)) return;
    const std::weak_ptr<State> weak = state_;
    state_->servers[name] = std::make_unique<Server>(
        state_->io, os::control_socket_path(name, state_->options.tool), state_->events,
        [weak, name](const std::string& method, const Json& params) -> std::optional<Json> {
          const auto state = weak.lock();
          return state ? state->dispatch(method, params, name) : std::nullopt;
        });
  });
}

void Service::detach(const std::string& name) {
  state_->on_io([&] { state_->servers.erase(name); });
}

void Service::ready(const std::string& text) {
  state_->is_ready = true;
  status_line(text);
  os::notify("READY=1");
  state_->events.emit("service.ready", state_->options.name, {{"detail", text}});
}

void Service::status_line(const std::string& text) {
  {
    std::lock_guard lock(state_->mutex);
    state_->line = text;
  }
  os::notify("STATUS=" + escaped(text));
}

void Service::alive() noexcept {
  state_->beats.fetch_add(1, std::memory_order_relaxed);
}

void Service::stop(const std::string& reason, Exit code) {
  state_->stop(reason, code, 0);
}

bool Service::stopping() const noexcept {
  return state_->is_stopping;
}

int Service::stop_fd() const noexcept {
  return state_->stop_event.get();
}

bool Service::wait_stop(std::chrono::milliseconds timeout) const {
  pollfd fd{state_->stop_event.get(), POLLIN, 0};
  ::poll(&fd, 1, static_cast<int>(timeout.count()));
  return stopping();
}

void Service::on_stop(std::function<void()> handler) {
  {
    std::lock_guard lock(state_->mutex);
    if (!state_->is_stopping) return state_->stop_handlers.push_back(std::move(handler));
  }
  handler();
}

int Service::finish(Exit code, std::string reason) {
  return state_->finish(code, std::move(reason), "");
}

int Service::run(const std::function<Exit()>& work) {
  try {
    return finish(work());
  } catch (const Error& e) {
    state_->finish(e.code(), e.what(), e.id());
    throw;
  } catch (const std::exception& e) {
    state_->finish(Exit::kNo, e.what(), "internal");
    throw;
  }
}

}  // namespace stream::control

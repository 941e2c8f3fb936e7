#include "control/server.h"

#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <deque>
#include <filesystem>
#include <set>

#include "base/error.h"
#include "base/log.h"
#include "net/unix_listener.h"
#include "os/dirs.h"

namespace stream::control {
namespace {

namespace asio = boost::asio;
using asio::local::stream_protocol;
using boost::system::error_code;

constexpr size_t kMaxRequestLine = 64 << 10;
constexpr size_t kMaxUnread = 1 << 20;
constexpr size_t kMaxConnections = 64;

// JSON-RPC 2.0 section 5.1.
constexpr int kParseError = -32700, kInvalidRequest = -32600, kNoSuchMethod = -32601;
constexpr int kInvalidParams = -32602;

Json answer(const Json& id, Json result) {
  return {{"jsonrpc", "2.0"}, {"id", id}, {"result", std::move(result)}};
}

Json failure(const Json& id, int code, const std::string& message, Json data = nullptr) {
  Json error{{"code", code}, {"message", message}};
  if (!data.is_null()) error["data"] = std::move(data);
  return {{"jsonrpc", "2.0"}, {"id", id}, {"error", std::move(error)}};
}

class Session;

}  // namespace

struct Server::State : std::enable_shared_from_this<Server::State> {
  State(asio::io_context& context, std::string socket_path, Events& sink, Dispatch handler)
      : io(context),
        path(std::move(socket_path)),
        events(sink),
        acceptor(context),
        dispatch(std::move(handler)) {}

  asio::io_context& io;
  std::string path;
  Events& events;
  stream_protocol::acceptor acceptor;
  Dispatch dispatch;
  std::set<std::shared_ptr<Session>> sessions;
  bool closed = false;

  void listen();
  asio::awaitable<void> accept();
};

namespace {

// One connection: a coroutine that reads requests, another that writes what is queued.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(stream_protocol::socket socket, Events& events)
      : socket_(std::move(socket)), wake_(socket_.get_executor()), events_(events) {
    wake_.expires_at(asio::steady_timer::time_point::max());
  }

  asio::awaitable<void> read(const Dispatch& dispatch) {
    std::string buffer;
    for (;;) {
      error_code error;
      const size_t n =
          co_await asio::async_read_until(socket_, asio::dynamic_buffer(buffer, kMaxRequestLine),
                                          '\n', asio::redirect_error(asio::use_awaitable, error));
      if (error == asio::error::not_found) {
        send(failure(nullptr, kInvalidRequest, "a line is longer than 64 KiB"));
        break;
      }
      if (error == asio::error::eof && subscription_) {
        // `echo REQUEST | socat - UNIX:...` closes one direction only and still wants the events.
        co_await socket_.async_wait(stream_protocol::socket::wait_error,
                                    asio::redirect_error(asio::use_awaitable, error));
        break;
      }
      if (error) break;
      const std::string line = buffer.substr(0, n - 1);
      buffer.erase(0, n);
      if (!line.empty()) handle(line, dispatch);
      if (finishing_) break;
    }
    finish();
  }

  asio::awaitable<void> write() {
    for (;;) {
      if (queue_.empty()) {
        if (finishing_) break;
        error_code ignored;
        co_await wake_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
        continue;
      }
      const Line line = queue_.front();
      error_code error;
      co_await asio::async_write(socket_, asio::buffer(*line),
                                 asio::redirect_error(asio::use_awaitable, error));
      if (error) break;
      unread_ -= line->size();
      queue_.pop_front();
    }
    close();
  }

  // No more requests; the answers that are queued still go out.
  void finish() {
    unsubscribe();
    finishing_ = true;
    wake_.cancel();
  }

  void close() {
    unsubscribe();
    finishing_ = true;
    error_code ignored;
    socket_.close(ignored);
    wake_.cancel();
  }

 private:
  void handle(const std::string& text, const Dispatch& dispatch) {
    const Json request = Json::parse(text, nullptr, false);
    if (request.is_discarded()) return send(failure(nullptr, kParseError, "not JSON"));
    const Json id = request.is_object() ? request.value("id", Json()) : Json();
    if (!request.is_object() || !request.contains("method") || !request["method"].is_string())
      return send(failure(id, kInvalidRequest, "not a JSON-RPC 2.0 request"));
    const Json params = request.value("params", Json::object());
    if (!params.is_object()) return send(failure(id, kInvalidParams, "params is not an object"));
    Json result = respond(id, request["method"], params, dispatch);
    if (request.contains("id")) send(result);  // without it: a notification
  }

  Json respond(const Json& id, const std::string& method, const Json& params,
               const Dispatch& dispatch) {
    if (method == "subscribe") {
      subscribe();
      return answer(id, {{"subscribed", true}});
    }
    try {
      std::optional<Json> result = dispatch(method, params);
      if (!result) return failure(id, kNoSuchMethod, "no method '" + method + "'");
      return answer(id, std::move(*result));
    } catch (const Error& e) {
      return failure(id, static_cast<int>(e.code()), e.what(),
                     {{"id", e.id()}, {"hint", e.hint()}});
    } catch (const std::exception& e) {
      return failure(id, static_cast<int>(Exit::kNo), e.what(), {{"id", "internal"}});
    }
  }

  void subscribe() {
    if (subscription_) return;
    subscription_ = events_.subscribe(
        [self = weak_from_this(), executor = socket_.get_executor()](const Line& line) {
          asio::post(executor, [self, line] {
            if (const auto session = self.lock()) session->push(line);
          });
        });
  }

  void unsubscribe() {
    if (subscription_) events_.unsubscribe(subscription_);
    subscription_ = 0;
  }

  void send(const Json& message) {
    push(std::make_shared<const std::string>(
        message.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"));
  }

  void push(const Line& line) {
    if (finishing_ && !socket_.is_open()) return;
    if (unread_ + line->size() > kMaxUnread) {
      log::warning("a control connection was closed: it left 1 MiB unread");
      return close();
    }
    unread_ += line->size();
    queue_.push_back(line);
    wake_.cancel();
  }

  stream_protocol::socket socket_;
  asio::steady_timer wake_;
  Events& events_;
  std::deque<Line> queue_;
  size_t unread_ = 0;
  uint64_t subscription_ = 0;
  bool finishing_ = false;
};

}  // namespace

void Server::State::listen() {
  const std::filesystem::path at(path);  // RUNTIME/NAME/TOOL.sock
  os::make_dirs(at.parent_path());
  os::Fd fd = net::listen_unix(path, "stream-" + at.stem().string() + " of stream '" +
                                         at.parent_path().filename().string() + "'");
  acceptor.assign(stream_protocol(), fd.release());
  asio::co_spawn(io, accept(), [self = shared_from_this()](std::exception_ptr) {});
}

asio::awaitable<void> Server::State::accept() {
  asio::steady_timer pause(io);
  for (;;) {
    error_code error;
    stream_protocol::socket socket =
        co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (closed) break;
    if (error) {  // out of descriptors: serve those who are there, try again later
      pause.expires_after(std::chrono::milliseconds(100));
      co_await pause.async_wait(asio::use_awaitable);
      continue;
    }
    const auto peer = net::peer_of(socket.native_handle());
    if (!peer || !peer->allowed() || sessions.size() >= kMaxConnections) continue;
    net::close_on_exec(socket.native_handle());
    auto session = std::make_shared<Session>(std::move(socket), events);
    sessions.insert(session);
    const auto self = shared_from_this();
    asio::co_spawn(
        io, [self, session]() { return session->read(self->dispatch); },
        [self, session](std::exception_ptr) {});
    asio::co_spawn(
        io, [session]() { return session->write(); },
        [self, session](std::exception_ptr) { self->sessions.erase(session); });
  }
}

Server::Server(asio::io_context& io, std::string path, Events& events, Dispatch dispatch)
    : state_(std::make_shared<State>(io, std::move(path), events, std::move(dispatch))) {
  state_->listen();
}

Server::~Server() {
  close();
}

const std::string& Server::path() const {
  return state_->path;
}

void Server::close() {
  if (state_->closed) return;
  state_->closed = true;
  net::remove_unix(state_->path);
  error_code ignored;
  state_->acceptor.close(ignored);
  for (const auto& session : state_->sessions) session->finish();
}

bool Server::idle() const {
  return state_->sessions.empty();
}

}  // namespace stream::control

#include "http/server.h"

#include <sys/sendfile.h>

#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <map>
#include <set>
#include <sstream>

#include "base/error.h"
#include "base/log.h"
#include "base/time.h"
#include "net/tcp_listener.h"
#include "net/unix_listener.h"

namespace stream::http {
namespace {

namespace asio = boost::asio;
namespace beast_http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr size_t kSendChunk = 1 << 20;

class Session;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

}  // namespace

struct Server::State : std::enable_shared_from_this<Server::State> {
  State(asio::io_context& context, Handler work, Limits bounds)
      : io(context), acceptor(context), handler(std::move(work)), limits(bounds) {}

  asio::io_context& io;
  tcp::acceptor acceptor;
  const Handler handler;
  const Limits limits;
  Observer observer;
  std::set<std::shared_ptr<Session>> sessions;
  std::map<asio::ip::address, size_t> per_address;
  uint64_t served = 0;
  bool closed = false;

  void start();
  asio::awaitable<void> accept();
  void admit(tcp::socket socket);
};

namespace {

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, asio::ip::address address)
      : peer(std::move(address)), socket_(std::move(socket)), deadline_(socket_.get_executor()) {}

  const asio::ip::address peer;

  // Requests until the peer has enough. `state` outlives us.
  template <typename State>
  asio::awaitable<void> run(State& state) {
    boost::beast::flat_buffer buffer(state.limits.header_bytes);
    for (bool first = true; !closing_; first = false) {
      beast_http::request_parser<beast_http::empty_body> parser;
      parser.header_limit(state.limits.header_bytes);
      error_code error;
      waiting_ = true;
      arm(first ? state.limits.request_time : state.limits.idle_time);
      if (buffer.size() == 0) {
        co_await socket_.async_wait(tcp::socket::wait_read,
                                    asio::redirect_error(asio::use_awaitable, error));
        if (error) break;
        arm(state.limits.request_time);
      }
      co_await beast_http::async_read(socket_, buffer, parser,
                                      asio::redirect_error(asio::use_awaitable, error));
      waiting_ = false;
      const Nanoseconds begun = monotonic_now();
      if (error && !is_bad_request(error)) break;
      arm(state.limits.stall_time);
      const bool is_request = parser.is_header_done();
      const auto message = parser.release();
      const bool keep = !error && message.keep_alive() && !closing_;
      const Request request = convert(message, peer.to_string());
      // A body is an error, but with the method the better answer is that it is not allowed.
      Response response = error && !(is_request && !is_allowed(message.method()))
                              ? text_response(400, "bad request")
                              : respond(state, message, request);
      const uint64_t sent = co_await send(state.limits, response, message, request, keep, error);
      ++state.served;
      if (state.observer) state.observer(request, response.status, sent, monotonic_now() - begun);
      if (error || !keep) break;
    }
    end();
  }

  void close() {
    closing_ = true;
    if (waiting_) end();
  }

  void end() {
    error_code ignored;
    deadline_.cancel();
    socket_.shutdown(tcp::socket::shutdown_both, ignored);
    socket_.close(ignored);
  }

 private:
  using Message = beast_http::request<beast_http::empty_body>;

  // Each call replaces the one before; when it passes, what is under way ends with an error.
  void arm(std::chrono::milliseconds time) {
    deadline_.expires_after(time);
    deadline_.async_wait([self = weak_from_this()](error_code error) {
      const auto session = self.lock();
      if (error || !session) return;
      error_code ignored;
      session->socket_.close(ignored);
    });
  }

  static bool is_bad_request(const error_code& error) {
    return error.category() ==
               beast_http::make_error_code(beast_http::error::bad_method).category() &&
           error != beast_http::error::end_of_stream && error != beast_http::error::partial_message;
  }

  static Request convert(const Message& message, std::string address) {
    Request request;
    request.method = std::string(message.method_string());
    const std::string_view target(message.target().data(), message.target().size());
    if (const size_t mark = target.find('?'); mark != std::string_view::npos)
      request.query = target.substr(mark + 1);
    request.path = std::string(target.substr(0, target.find('?')));
    request.address = std::move(address);
    for (const auto& field : message)
      request.headers.emplace_back(lower({field.name_string().data(), field.name_string().size()}),
                                   std::string(field.value().data(), field.value().size()));
    return request;
  }

  static bool is_allowed(beast_http::verb method) {
    return method == beast_http::verb::get || method == beast_http::verb::head ||
           method == beast_http::verb::options;
  }

  template <typename State>
  static Response respond(State& state, const Message& message, const Request& request) {
    if (message.method() == beast_http::verb::options) {
      Response response;
      response.status = 204;
      response.headers = {{"Access-Control-Allow-Methods", "GET, HEAD, OPTIONS"},
                          {"Access-Control-Allow-Headers", "Range"},
                          {"Access-Control-Max-Age", "86400"}};
      return response;
    }
    if (!is_allowed(message.method())) {
      Response response = text_response(405, "only GET, HEAD and OPTIONS");
      response.headers.emplace_back("Allow", "GET, HEAD, OPTIONS");
      return response;
    }
    const auto path = decode_path(request.path);
    if (!path) return text_response(400, "bad path");
    Request decoded = request;
    decoded.path = *path;
    try {
      return state.handler(decoded);
    } catch (const std::exception& e) {
      log::error(std::string("a request failed: ") + e.what());
      return text_response(500, "internal error");
    }
  }

  // How many bytes of the body went out; `error` says how it ended.
  asio::awaitable<uint64_t> send(const Limits& limits, Response& response, const Message& message,
                                 const Request& request, bool keep, error_code& error) {
    const std::string head = header(response, message.version(), keep);
    const bool with_body = request.method != "HEAD" && response.status != 304;
    std::vector<asio::const_buffer> parts{asio::buffer(head)};
    const bool small = with_body && !response.file;
    if (small) parts.push_back(asio::buffer(response.body));
    error = {};
    co_await asio::async_write(socket_, parts, asio::redirect_error(asio::use_awaitable, error));
    if (error || !with_body || small) co_return small && !error ? response.body.size() : 0;
    co_return co_await send_file(limits, response, error);
  }

  asio::awaitable<uint64_t> send_file(const Limits& limits, const Response& response,
                                      error_code& error) {
    socket_.native_non_blocking(true, error);
    auto offset = static_cast<off_t>(response.offset);
    uint64_t left = response.length;
    while (left > 0 && !error) {
      const ssize_t n = ::sendfile(socket_.native_handle(), response.file.get(), &offset,
                                   std::min<uint64_t>(left, kSendChunk));
      if (n > 0) {
        left -= static_cast<uint64_t>(n);
      } else if (n == 0) {  // the file was cut: the length that was promised can't be kept
        error = asio::error::eof;
      } else if (errno == EAGAIN) {
        arm(limits.stall_time);
        co_await socket_.async_wait(tcp::socket::wait_write,
                                    asio::redirect_error(asio::use_awaitable, error));
      } else if (errno != EINTR) {
        error.assign(errno, boost::system::system_category());
      }
    }
    co_return response.length - left;
  }

  static std::string header(const Response& response, unsigned version, bool keep) {
    beast_http::response_header<> head;
    head.version(version);
    head.result(response.status);
    for (const auto& [name, value] : response.headers) head.set(name, value);
    if (!response.type.empty()) head.set(beast_http::field::content_type, response.type);
    if (response.status != 204 && response.status != 304)
      head.set(beast_http::field::content_length, std::to_string(response.size()));
    char date[40];
    const std::time_t now = std::time(nullptr);
    std::tm tm{};
    ::gmtime_r(&now, &tm);
    std::strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    head.set(beast_http::field::date, date);
    head.set(beast_http::field::access_control_allow_origin, "*");
    head.set(beast_http::field::access_control_expose_headers,
             "Content-Length, Content-Range, Age, Date");
    head.set("X-Content-Type-Options", "nosniff");
    head.set(beast_http::field::connection, keep ? "keep-alive" : "close");
    std::ostringstream out;
    out << head;
    return out.str();
  }

  tcp::socket socket_;
  asio::steady_timer deadline_;
  bool waiting_ = false, closing_ = false;
};

}  // namespace

void Server::State::start() {
  asio::co_spawn(io, accept(), [self = shared_from_this()](std::exception_ptr) {});
}

asio::awaitable<void> Server::State::accept() {
  asio::steady_timer pause(io);
  for (;;) {
    error_code error;
    tcp::socket socket =
        co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (closed) break;
    if (!error) {
      admit(std::move(socket));
      continue;
    }
    // Out of descriptors, most likely: serve those who are there, try again later.
    log::warning("cannot accept a connection: " + error.message());
    pause.expires_after(std::chrono::milliseconds(100));
    co_await pause.async_wait(asio::use_awaitable);
  }
}

void Server::State::admit(tcp::socket socket) {
  error_code error;
  const asio::ip::address peer = socket.remote_endpoint(error).address();
  size_t& count = per_address[peer];
  if (error || sessions.size() >= limits.connections || count >= limits.per_address) {
    if (count == 0) per_address.erase(peer);
    log::warning("a connection of " + peer.to_string() + " was closed: too many are open");
    return;
  }
  ++count;
  socket.set_option(tcp::no_delay(true), error);
  net::close_on_exec(socket.native_handle());
  auto session = std::make_shared<Session>(std::move(socket), peer);
  sessions.insert(session);
  const auto self = shared_from_this();
  asio::co_spawn(
      io, [self, session]() { return session->run(*self); },
      [self, session](std::exception_ptr) {
        session->end();
        self->sessions.erase(session);
        const auto it = self->per_address.find(session->peer);
        if (it != self->per_address.end() && --it->second == 0) self->per_address.erase(it);
      });
}

Server::Server(asio::io_context& io, const std::string& host, uint16_t port, Handler handler,
               Limits limits)
    : Server(io, net::listen_tcp(host, port).fd, std::move(handler), limits) {}

Server::Server(asio::io_context& io, os::Fd listener, Handler handler, Limits limits)
    : state_(std::make_shared<State>(io, std::move(handler), limits)) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &length);
  error_code error;
  state_->acceptor.assign(address.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), listener.get(),
                          error);
  if (error)
    throw Error(Exit::kUsage, "listen.failed", "the socket that was passed in is no listener");
  listener.release();
  state_->start();
}

Server::~Server() {
  close();
}

void Server::observe(Observer observer) {
  state_->observer = std::move(observer);
}

std::string Server::address() const {
  error_code error;
  const tcp::endpoint endpoint = state_->acceptor.local_endpoint(error);
  const std::string host = endpoint.address().to_string();
  return (endpoint.address().is_v6() ? "[" + host + "]" : host) + ":" +
         std::to_string(endpoint.port());
}

uint64_t Server::served() const {
  return state_->served;
}

size_t Server::connections() const {
  return state_->sessions.size();
}

void Server::close() {
  if (state_->closed) return;
  state_->closed = true;
  error_code ignored;
  state_->acceptor.close(ignored);
  for (const auto& session : state_->sessions) session->close();
}

}  // namespace stream::http

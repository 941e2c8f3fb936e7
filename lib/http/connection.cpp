#include "http/connection.h"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <optional>

#include "base/log.h"
#include "base/lower.h"
#include "base/time.h"

namespace stream::http {
namespace {

namespace asio = boost::asio;
namespace beast_http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr size_t kFirstRead = 1024;
// Of a body that nobody wants, so that its sender gets to read why.
constexpr size_t kMostUnwanted = 1 << 20;
constexpr auto kLinger = std::chrono::milliseconds(1000);

template <typename Message>
Request convert(const Message& message, const tcp::endpoint& peer, bool secure) {
  Request request;
  request.method = std::string(message.method_string());
  const std::string_view target(message.target().data(), message.target().size());
  if (const size_t mark = target.find('?'); mark != std::string_view::npos)
    request.query = target.substr(mark + 1);
  request.path = std::string(target.substr(0, target.find('?')));
  request.address = peer.address().to_string();
  request.port = peer.port();
  request.secure = secure;
  for (const auto& field : message)
    request.headers.emplace_back(lower({field.name_string().data(), field.name_string().size()}),
                                 std::string(field.value().data(), field.value().size()));
  return request;
}

bool is_bad_request(const error_code& error) {
  return error.category() ==
             beast_http::make_error_code(beast_http::error::bad_method).category() &&
         error != beast_http::error::end_of_stream && error != beast_http::error::partial_message;
}

template <typename Function>
Response guarded(const Function& function) {
  try {
    return function();
  } catch (const std::exception& e) {
    log::error(std::string("a request failed: ") + e.what());
    return text_response(500, "internal error");
  }
}

}  // namespace

// One request and its response.
class Connection::Turn {
 public:
  Turn(Connection& connection, Work& work, boost::beast::flat_buffer& buffer)
      : c_(connection), work_(work), buffer_(buffer) {}

  // False: the connection is to end.
  asio::awaitable<bool> run(bool first) {
    head_.emplace();
    head_->header_limit(work_.limits.header_bytes);
    head_->body_limit(boost::none);  // the gatekeeper's business
    if (!co_await read_header(first)) co_return false;
    const Nanoseconds begun = monotonic_now();
    const bool readable = !error_;
    request_ = convert(head_->get(), c_.peer, c_.transport_.is_tls());
    version_ = head_->get().version();
    keep_ = readable && head_->get().keep_alive();
    // GCC 12 breaks a co_await in a conditional expression.
    Response response = text_response(400, "bad request");
    if (readable) response = co_await respond();
    if (gone_) co_return false;
    keep_ = keep_ && !c_.closing_;
    c_.arm(work_.limits.stall_time);
    const uint64_t sent = co_await send(response);
    ++work_.served;
    if (work_.observer) work_.observer(request_, response.status, sent, monotonic_now() - begun);
    if (!error_ && unread_) co_await c_.linger();
    co_return !error_ && keep_;
  }

 private:
  asio::awaitable<bool> read_header(bool first) {
    c_.waiting_ = true;
    c_.arm(first ? work_.limits.request_time : work_.limits.idle_time);
    if (buffer_.size() == 0) {
      buffer_.commit(co_await c_.transport_.async_read_some(
          buffer_.prepare(kFirstRead), asio::redirect_error(asio::use_awaitable, error_)));
      if (error_ || c_.closing_) co_return false;
      c_.arm(work_.limits.request_time);
    }
    co_await beast_http::async_read_header(c_.transport_, buffer_, *head_,
                                           asio::redirect_error(asio::use_awaitable, error_));
    c_.waiting_ = false;
    co_return !error_ || is_bad_request(error_);
  }

  asio::awaitable<Response> respond() {
    const bool plain = request_.method == "GET" || request_.method == "HEAD";
    unread_ = !head_->is_done();
    keep_ = keep_ && !unread_;
    const auto path = decode_path(request_.path);
    if (path) request_.path = *path;
    if (!plain) {
      // "*" is for OPTIONS alone.
      Admit admit = ask_gatekeeper();
      if (admit.answer) co_return std::move(*admit.answer);
      if (!path) co_return text_response(400, "bad path");
      if (unread_ && !co_await read_body(admit.body_bytes)) co_return std::move(*refusal_);
    } else if (unread_) {
      co_return text_response(400, "a body is not expected");
    }
    if (!path) co_return text_response(400, "bad path");
    if (!work_.handler) co_return text_response(503, "the server stops");
    Response response = guarded([this] { return work_.handler(request_); });
    if (!response.later) co_return response;
    co_return co_await c_.answer_of(std::move(response.later), work_.limits.answer_time);
  }

  Admit ask_gatekeeper() {
    if (work_.gatekeeper) {
      Admit admit;
      Response failed = guarded([&] {
        admit = work_.gatekeeper(request_);
        return Response();
      });
      if (failed.status != 200) admit.answer = std::move(failed);
      return admit;
    }
    static const std::string kMethods = "GET, HEAD, OPTIONS";
    return {0, request_.method == "OPTIONS" ? preflight(kMethods, "Range, Authorization")
                                            : method_refused(kMethods)};
  }

  asio::awaitable<bool> read_body(size_t limit) {
    refusal_ = text_response(413, "the body is larger than " + std::to_string(limit) + " bytes");
    if (head_->content_length().value_or(0) > limit) co_return false;
    if (lower(request_.header("expect")) == "100-continue") {
      static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
      co_await asio::async_write(c_.transport_, asio::buffer(kContinue),
                                 asio::redirect_error(asio::use_awaitable, error_));
      if (error_) co_return lost();
    }
    beast_http::request_parser<beast_http::string_body> parser(std::move(*head_));
    parser.body_limit(limit);
    c_.arm(work_.limits.request_time);
    co_await beast_http::async_read(c_.transport_, buffer_, parser,
                                    asio::redirect_error(asio::use_awaitable, error_));
    if (error_ && !is_bad_request(error_)) co_return lost();
    if (error_ && error_ != beast_http::error::body_limit)
      refusal_ = text_response(400, "bad request");
    if (error_) co_return false;
    unread_ = false;
    keep_ = parser.get().keep_alive();
    request_.body = std::move(parser.get().body());
    co_return true;
  }

  bool lost() {
    gone_ = true;
    return false;
  }

  // How many bytes of the body went out; `error_` says how it ended.
  asio::awaitable<uint64_t> send(Response& response) {
    const std::string head = head_of(response, version_, keep_);
    const bool with_body = request_.method != "HEAD" && response.status != 304;
    std::vector<asio::const_buffer> parts{asio::buffer(head)};
    const bool small = with_body && !response.file;
    if (small) parts.push_back(asio::buffer(response.body));
    error_ = {};
    co_await asio::async_write(c_.transport_, parts,
                               asio::redirect_error(asio::use_awaitable, error_));
    if (error_ || !with_body || small) co_return small && !error_ ? response.body.size() : 0;
    const std::function<void()> moving = [this] { c_.arm(work_.limits.stall_time); };
    co_return co_await c_.transport_.send_file(response.file, response.offset, response.length,
                                               moving, error_);
  }

  Connection& c_;
  Work& work_;
  boost::beast::flat_buffer& buffer_;
  std::optional<beast_http::request_parser<beast_http::empty_body>> head_;
  Request request_;
  std::optional<Response> refusal_;
  unsigned version_ = 11;
  error_code error_;
  bool keep_ = false, unread_ = false, gone_ = false;
};

asio::awaitable<void> Connection::run(std::shared_ptr<Work> work) {
  if (work->tls && !closing_ && !co_await shake(work)) co_return end();
  boost::beast::flat_buffer buffer(work->limits.header_bytes);
  for (bool first = true; !closing_; first = false) {
    Turn turn(*this, *work, buffer);
    if (!co_await turn.run(first)) break;
  }
  waiting_ = false;
  if (transport_.is_tls()) {
    arm(kLinger);
    co_await transport_.finish();
  }
  end();
}

// A browser that was given http:// by mistake is told.
asio::awaitable<bool> Connection::shake(std::shared_ptr<Work> work) {
  waiting_ = true;
  arm(work->limits.request_time);
  error_code error = co_await transport_.accept_tls(work->tls());
  waiting_ = false;
  if (!error) co_return !closing_;
  log::debug(peer.address().to_string() + " did not get into TLS: " + error.message());
  if (!Transport::was_http(error)) co_return false;
  const Response response =
      text_response(400, "this port speaks HTTPS only: write https:// in the place of http://");
  const std::string answer = head_of(response, 11, false) + response.body;
  co_await asio::async_write(transport_, asio::buffer(answer),
                             asio::redirect_error(asio::use_awaitable, error));
  if (!error) co_await linger();
  co_return false;
}

// Each call replaces the one before; when it passes, what is under way ends with an error.
void Connection::arm(std::chrono::milliseconds time) {
  deadline_.expires_after(time);
  deadline_.async_wait([self = weak_from_this()](error_code error) {
    const auto connection = self.lock();
    if (error || !connection) return;
    if (connection->waiting_) return connection->stop_waiting();
    error_code ignored;
    connection->transport_.socket().close(ignored);
  });
}

// In TLS the coroutine wakes up and takes its leave.
void Connection::stop_waiting() {
  if (!transport_.is_tls()) return end();
  closing_ = true;
  waiting_ = false;
  arm(kLinger);
  error_code ignored;
  transport_.socket().cancel(ignored);
}

asio::awaitable<Response> Connection::answer_of(std::shared_ptr<Reply> reply,
                                                std::chrono::milliseconds limit) {
  // Shared with whoever answers, as he may come when this coroutine is gone.
  const auto answer = std::make_shared<std::optional<Response>>();
  deadline_.cancel();
  answer_.expires_after(limit);
  reply->on_sent([answer, self = weak_from_this()](Response response) {
    *answer = std::move(response);
    if (const auto connection = self.lock()) connection->answer_.cancel();
  });
  reply.reset();  // a handler that forgot it answers so
  error_code ignored;
  if (!*answer) co_await answer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  if (!*answer) co_return text_response(503, "no answer in time; try again");
  co_return std::move(**answer);
}

// A close with unread input would reset the connection and take the response away.
asio::awaitable<void> Connection::linger() {
  error_code error;
  arm(kLinger);
  co_await transport_.finish();
  char scratch[4096];
  for (size_t taken = 0; !error && taken < kMostUnwanted;)
    taken += co_await transport_.socket().async_read_some(
        asio::buffer(scratch), asio::redirect_error(asio::use_awaitable, error));
}

void Connection::close() {
  closing_ = true;
  if (waiting_) stop_waiting();
}

void Connection::end() {
  error_code ignored;
  deadline_.cancel();
  answer_.cancel();
  transport_.socket().shutdown(tcp::socket::shutdown_both, ignored);
  transport_.socket().close(ignored);
}

}  // namespace stream::http

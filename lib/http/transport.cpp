#include "http/transport.h"

#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <vector>

namespace stream::http {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr size_t kSendChunk = 1 << 20;
constexpr size_t kTlsRecord = 16 << 10;  // the most that one holds (RFC 8446 section 5.1)

}  // namespace

asio::awaitable<Transport::Error> Transport::accept_tls(
    std::shared_ptr<asio::ssl::context> context) {
  Error error;
  co_await socket_.async_wait(tcp::socket::wait_read,
                              asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return error;
  context_ = std::move(context);
  tls_ = std::make_unique<asio::ssl::stream<Socket&>>(socket_, *context_);
  co_await tls_->async_handshake(asio::ssl::stream_base::server,
                                 asio::redirect_error(asio::use_awaitable, error));
  shaken_ = !error;
  co_return error;
}

bool Transport::was_http(const Error& error) {
  return error.category() == asio::error::get_ssl_category() &&
         ERR_GET_REASON(static_cast<unsigned long>(error.value())) == SSL_R_HTTP_REQUEST;
}

asio::awaitable<uint64_t> Transport::send_file(const os::Fd& file, uint64_t start, uint64_t length,
                                               const std::function<void()>& moving, Error& error) {
  if (shaken_) co_return co_await copy_file(file, start, length, moving, error);
  socket_.native_non_blocking(true, error);
  auto offset = static_cast<off_t>(start);
  uint64_t left = length;
  while (left > 0 && !error) {
    const ssize_t n = ::sendfile(socket_.native_handle(), file.get(), &offset,
                                 std::min<uint64_t>(left, kSendChunk));
    if (n > 0) {
      left -= static_cast<uint64_t>(n);
    } else if (n == 0) {  // the file was cut: the length that was promised can't be kept
      error = asio::error::eof;
    } else if (errno == EAGAIN) {
      moving();
      co_await socket_.async_wait(tcp::socket::wait_write,
                                  asio::redirect_error(asio::use_awaitable, error));
    } else if (errno != EINTR) {
      error.assign(errno, boost::system::system_category());
    }
  }
  co_return length - left;
}

// A record at a time, so that each is a sign of life.
asio::awaitable<uint64_t> Transport::copy_file(const os::Fd& file, uint64_t offset, uint64_t length,
                                               const std::function<void()>& moving, Error& error) {
  std::vector<uint8_t> record(std::min<uint64_t>(length, kTlsRecord));
  uint64_t done = 0;
  while (done < length && !error) {
    const ssize_t n =
        ::pread(file.get(), record.data(), std::min<uint64_t>(length - done, record.size()),
                static_cast<off_t>(offset + done));
    if (n > 0) {
      moving();
      done += co_await asio::async_write(*this, asio::buffer(record.data(), static_cast<size_t>(n)),
                                         asio::redirect_error(asio::use_awaitable, error));
    } else if (n == 0) {
      error = asio::error::eof;
    } else if (errno != EINTR) {
      error.assign(errno, boost::system::system_category());
    }
  }
  co_return done;
}

asio::awaitable<void> Transport::finish() {
  Error ignored;
  if (shaken_) co_await tls_->async_shutdown(asio::redirect_error(asio::use_awaitable, ignored));
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
}

}  // namespace stream::http

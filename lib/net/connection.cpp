#include "net/connection.h"

#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <vector>

#include "base/error.h"

namespace stream::net {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr size_t kRecord = 16 << 10;  // of TLS (RFC 8446 section 5.1)
constexpr size_t kSmallPiece = 4 << 10;
constexpr size_t kMaxPieces = 64;

struct Wire {
  int fd = -1;
  uint64_t sent = 0;  // bytes given to TCP
};

// OpenSSL's own socket BIO would raise SIGPIPE.
int bio_write(BIO* bio, const char* data, int size) {
  BIO_clear_retry_flags(bio);
  Wire* wire = static_cast<Wire*>(BIO_get_data(bio));
  const ssize_t n = send(wire->fd, data, static_cast<size_t>(size), MSG_NOSIGNAL);
  if (n > 0) wire->sent += static_cast<uint64_t>(n);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
  return static_cast<int>(n);
}

int bio_read(BIO* bio, char* data, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t n =
      recv(static_cast<Wire*>(BIO_get_data(bio))->fd, data, static_cast<size_t>(size), 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
  return static_cast<int>(n);
}

long bio_control(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO* socket_bio(Wire* wire) {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
    BIO_meth_set_write(made, bio_write);
    BIO_meth_set_read(made, bio_read);
    BIO_meth_set_ctrl(made, bio_control);
    return made;
  }();
  BIO* bio = BIO_new(method);
  if (bio == nullptr) throw std::bad_alloc();
  BIO_set_data(bio, wire);
  BIO_set_init(bio, 1);
  return bio;
}

std::string tls_reason() {
  const unsigned long code = ERR_get_error();
  switch (ERR_GET_REASON(code)) {
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
      ERR_clear_error();
      return "the peer speaks only TLS older than TLS 1.2";
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
      ERR_clear_error();
      return "the peer does not speak TLS";
    default:
      break;
  }
  const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
  ERR_clear_error();
  return reason != nullptr ? std::string("TLS: ") + reason : std::string("TLS failed");
}

}  // namespace

TlsTrust::TlsTrust(const std::string& ca_file) {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  if (context == nullptr) throw std::bad_alloc();
  context_ = context;
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  if (ca_file.empty()) {
    SSL_CTX_set_default_verify_paths(context);
  } else if (SSL_CTX_load_verify_locations(context, ca_file.c_str(), nullptr) != 1) {
    const std::string reason = tls_reason();
    SSL_CTX_free(context);
    throw Error(Exit::kConfig, "tls.ca",
                "no certificates could be read from " + ca_file + ": " + reason,
                "give a file of certificates in PEM form");
  }
}

TlsTrust::~TlsTrust() {
  SSL_CTX_free(static_cast<SSL_CTX*>(context_));
}

struct Connection::State {
  tcp::socket socket;
  SSL* ssl = nullptr;
  std::string error;
  bool cut = false;
  std::vector<uint8_t> record;  // scratch: small pieces joined into one TLS record

  Wire wire;

  explicit State(tcp::socket taken) : socket(std::move(taken)), wire{socket.native_handle(), 0} {}
  ~State() { SSL_free(ssl); }

  Result fail(std::string why) {
    error = std::move(why);
    return {Status::kFailed, 0};
  }
  Result fail_errno() {
    if (errno == EAGAIN || errno == EINTR) return {Status::kAgain, 0};
    cut = true;
    return fail(errno_text(errno));
  }
  Result tls_result(int returned);
  Result write_plain(std::span<const Buffer> pieces, size_t skip);
  Result write_tls(std::span<const Buffer> pieces, size_t skip);
  Bytes next_record(std::span<const Buffer> pieces, size_t skip);
  void wait(tcp::socket::wait_type type, std::function<void()> handler) {
    socket.async_wait(type, [handler = std::move(handler)](const boost::system::error_code& e) {
      if (e != asio::error::operation_aborted) handler();
    });
  }
};

Connection::Connection(tcp::socket socket) : state_(std::make_unique<State>(std::move(socket))) {
  boost::system::error_code ignored;
  state_->socket.non_blocking(true, ignored);
  state_->socket.set_option(tcp::no_delay(true), ignored);
  // What the system holds back must stay small, or nobody could tell how late the peer is; what is
  // on its way may be as much as the path needs.
  const int unsent = 256 << 10;
  setsockopt(state_->wire.fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
}

Connection::~Connection() = default;

void Connection::start_tls(const TlsTrust& trust, const std::string& host) {
  assert(state_->ssl == nullptr);
  SSL* ssl = SSL_new(static_cast<SSL_CTX*>(trust.context_));
  if (ssl == nullptr) throw std::bad_alloc();
  state_->ssl = ssl;
  BIO* bio = socket_bio(&state_->wire);
  SSL_set_bio(ssl, bio, bio);
  boost::system::error_code error;
  asio::ip::make_address(host, error);
  if (!error) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str());
  } else {
    SSL_set_tlsext_host_name(ssl, host.c_str());
    SSL_set1_host(ssl, host.c_str());
  }
  SSL_set_connect_state(ssl);
}

bool Connection::is_tls() const noexcept {
  return state_->ssl != nullptr;
}

Connection::Result Connection::State::tls_result(int returned) {
  const int system_error = errno;
  switch (SSL_get_error(ssl, returned)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return {Status::kAgain, 0};
    case SSL_ERROR_ZERO_RETURN:
      return {Status::kClosed, 0};
    case SSL_ERROR_SYSCALL:
      ERR_clear_error();
      cut = true;
      return fail(system_error != 0 ? errno_text(system_error) : "the connection was cut");
    default:
      return fail(tls_reason());
  }
}

Connection::Status Connection::handshake() {
  ERR_clear_error();
  errno = 0;
  const int done = SSL_do_handshake(state_->ssl);
  if (done == 1) return Status::kOk;
  const Result result = state_->tls_result(done);
  if (result.status != Status::kFailed) return result.status;
  const long verdict = SSL_get_verify_result(state_->ssl);
  if (verdict != X509_V_OK)
    state_->error =
        std::string("the certificate is not accepted: ") + X509_verify_cert_error_string(verdict);
  return Status::kFailed;
}

Connection::Result Connection::read(std::span<uint8_t> into) {
  if (state_->ssl != nullptr) {
    ERR_clear_error();
    errno = 0;
    const int n = SSL_read(state_->ssl, into.data(), static_cast<int>(into.size()));
    if (n > 0) return {Status::kOk, static_cast<size_t>(n)};
    return state_->tls_result(n);
  }
  const ssize_t n = recv(state_->socket.native_handle(), into.data(), into.size(), 0);
  if (n > 0) return {Status::kOk, static_cast<size_t>(n)};
  if (n == 0) return {Status::kClosed, 0};
  return state_->fail_errno();
}

Connection::Result Connection::write(std::span<const Buffer> pieces, size_t skip) {
  while (!pieces.empty() && skip >= pieces.front().size()) {
    skip -= pieces.front().size();
    pieces = pieces.subspan(1);
  }
  if (pieces.empty()) return {Status::kOk, 0};
  return state_->ssl != nullptr ? state_->write_tls(pieces, skip)
                                : state_->write_plain(pieces, skip);
}

Connection::Result Connection::State::write_plain(std::span<const Buffer> pieces, size_t skip) {
  std::array<iovec, kMaxPieces> vectors;
  size_t count = 0;
  for (const Buffer& piece : pieces.first(std::min(pieces.size(), kMaxPieces))) {
    vectors[count++] = {const_cast<uint8_t*>(piece.data()) + skip, piece.size() - skip};
    skip = 0;
  }
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = count;
  const ssize_t n = sendmsg(wire.fd, &message, MSG_NOSIGNAL);
  if (n < 0) return fail_errno();
  wire.sent += static_cast<uint64_t>(n);
  return {Status::kOk, static_cast<size_t>(n)};
}

// Chunk headers of a few bytes would each become a record with 22 bytes around it.
Bytes Connection::State::next_record(std::span<const Buffer> pieces, size_t skip) {
  const Bytes first = Bytes(pieces.front()).subspan(skip);
  if (first.size() >= kSmallPiece || pieces.size() == 1)
    return first.first(std::min(first.size(), kRecord));
  record.assign(first.begin(), first.end());
  for (const Buffer& piece : pieces.subspan(1)) {
    const size_t n = std::min(piece.size(), kRecord - record.size());
    record.insert(record.end(), piece.begin(), piece.begin() + n);
    if (record.size() == kRecord) break;
  }
  return record;
}

Connection::Result Connection::State::write_tls(std::span<const Buffer> pieces, size_t skip) {
  size_t written = 0;
  while (!pieces.empty()) {
    const Bytes bytes = next_record(pieces, skip);
    ERR_clear_error();
    errno = 0;
    const int n = SSL_write(ssl, bytes.data(), static_cast<int>(bytes.size()));
    if (n <= 0) {
      const Result result = tls_result(n);
      return written > 0 && result.status == Status::kAgain ? Result{Status::kOk, written} : result;
    }
    written += static_cast<size_t>(n);
    skip += static_cast<size_t>(n);
    while (!pieces.empty() && skip >= pieces.front().size()) {
      skip -= pieces.front().size();
      pieces = pieces.subspan(1);
    }
  }
  return {Status::kOk, written};
}

void Connection::shut_down() noexcept {
  if (state_->ssl != nullptr && SSL_is_init_finished(state_->ssl)) {
    SSL_shutdown(state_->ssl);
    ERR_clear_error();
  }
  boost::system::error_code ignored;
  state_->socket.shutdown(tcp::socket::shutdown_send, ignored);
}

void Connection::on_readable(std::function<void()> handler) {
  state_->wait(tcp::socket::wait_read, std::move(handler));
}

void Connection::on_writable(std::function<void()> handler) {
  state_->wait(tcp::socket::wait_write, std::move(handler));
}

bool Connection::was_cut() const noexcept {
  return state_->cut;
}

const std::string& Connection::error() const noexcept {
  return state_->error;
}

std::optional<Connection::Flow> Connection::flow() const {
  const int fd = state_->socket.native_handle();
  tcp_info info{};
  socklen_t size = sizeof info;
  int queued = 0;
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 || ioctl(fd, SIOCOUTQ, &queued) != 0)
    return std::nullopt;
  const uint64_t pending = static_cast<uint64_t>(queued);
  return Flow{state_->wire.sent - std::min(pending, state_->wire.sent), static_cast<size_t>(queued),
              info.tcpi_rtt / 1e6};
}

}  // namespace stream::net

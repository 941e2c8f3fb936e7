#include "webrtc/dtls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/error.h"

namespace stream::webrtc {
namespace {

constexpr unsigned kFirstWait = 250'000, kLongestWait = 4'000'000;  // us, RFC 6347 4.2.4.1
constexpr long kMaxPeerCertificate = 16 << 10;

// The bytes between OpenSSL and us. A datagram is read whole or not at all.
struct Pipe {
  Bytes incoming;
  const Dtls::Send* send = nullptr;
};

Pipe& pipe_of(BIO* bio) {
  return *static_cast<Pipe*>(BIO_get_data(bio));
}

int bio_write(BIO* bio, const char* data, int size) {
  (*pipe_of(bio).send)({reinterpret_cast<const uint8_t*>(data), static_cast<size_t>(size)});
  return size;
}

int bio_read(BIO* bio, char* into, int size) {
  Pipe& pipe = pipe_of(bio);
  BIO_clear_retry_flags(bio);
  if (pipe.incoming.empty()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const size_t taken = std::min(pipe.incoming.size(), static_cast<size_t>(size));
  std::memcpy(into, pipe.incoming.data(), taken);
  pipe.incoming = {};
  return static_cast<int>(taken);
}

long bio_control(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

int bio_create(BIO* bio) {
  BIO_set_init(bio, 1);
  return 1;
}

BIO_METHOD* pipe_method() {
  static const std::unique_ptr<BIO_METHOD, decltype(&BIO_meth_free)> method(
      [] {
        BIO_METHOD* made =
            BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagrams in memory");
        BIO_meth_set_write(made, bio_write);
        BIO_meth_set_read(made, bio_read);
        BIO_meth_set_ctrl(made, bio_control);
        BIO_meth_set_create(made, bio_create);
        return made;
      }(),
      BIO_meth_free);
  return method.get();
}

unsigned next_wait(SSL*, unsigned before) {
  return before == 0 ? kFirstWait : std::min(before * 2, kLongestWait);
}

// Who the peer is, is decided by its fingerprint once the handshake is done.
int take_any(int, X509_STORE_CTX*) {
  return 1;
}

std::optional<SrtpProfile> profile_by(unsigned long id) {
  if (id == SRTP_AEAD_AES_128_GCM) return SrtpProfile::kAeadAes128Gcm;
  if (id == SRTP_AEAD_AES_256_GCM) return SrtpProfile::kAeadAes256Gcm;
  if (id == SRTP_AES128_CM_SHA1_80) return SrtpProfile::kAes128CmSha1_80;
  return std::nullopt;
}

std::string why() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* text = code == 0 ? nullptr : ERR_reason_error_string(code);
  return text != nullptr ? text : "no reason given";
}

}  // namespace

DtlsContext::DtlsContext(Certificate certificate) : certificate_(std::move(certificate)) {
  SSL_CTX* context = SSL_CTX_new(DTLS_method());
  context_ = context;
  const bool made =
      context != nullptr && SSL_CTX_set_min_proto_version(context, DTLS1_2_VERSION) == 1 &&
      SSL_CTX_use_certificate(context, certificate_.certificate()) == 1 &&
      SSL_CTX_use_PrivateKey(context, certificate_.key()) == 1 &&
      SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:!aNULL:!PSK") == 1 &&
      SSL_CTX_set_tlsext_use_srtp(context,
                                  "SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM:"
                                  "SRTP_AES128_CM_SHA1_80") == 0;  // 0 is success here
  if (!made) {
    SSL_CTX_free(context);
    throw Error(Exit::kUnsupported, "webrtc.certificate",
                "OpenSSL cannot do DTLS 1.2 with SRTP: " + why(),
                "check the OpenSSL configuration of this machine (OPENSSL_CONF)");
  }
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, take_any);
  SSL_CTX_set_max_cert_list(context, kMaxPeerCertificate);
}

DtlsContext::~DtlsContext() {
  SSL_CTX_free(static_cast<SSL_CTX*>(context_));
}

struct Dtls::Impl {
  Fingerprint peer;
  Send send;
  Pipe pipe;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl{nullptr, SSL_free};
  bool client = false;
  State state = State::kHandshake;
  std::string error;
  SrtpKeys keys;

  void fail(std::string reason) {
    state = State::kFailed;
    error = std::move(reason);
  }
  void go_on();
  void handshake();
  void finish();
};

void Dtls::Impl::go_on() {
  ERR_clear_error();
  if (state == State::kHandshake) handshake();
  if (state != State::kConnected) return;
  std::array<uint8_t, 2048> data{};  // of the application: nobody sends any
  for (;;) {
    const int got = SSL_read(ssl.get(), data.data(), static_cast<int>(data.size()));
    if (got > 0) continue;
    const int code = SSL_get_error(ssl.get(), got);
    if (code == SSL_ERROR_ZERO_RETURN) state = State::kClosed;
    if (code == SSL_ERROR_SSL) state = State::kClosed;  // a fatal alert
    break;
  }
  ERR_clear_error();
}

void Dtls::Impl::handshake() {
  const int done = SSL_do_handshake(ssl.get());
  if (done == 1) return finish();
  const int code = SSL_get_error(ssl.get(), done);
  if (code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE) return;
  fail("the DTLS handshake failed: " + why());
}

void Dtls::Impl::finish() {
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      SSL_get1_peer_certificate(ssl.get()), X509_free);
  if (!matches(certificate.get(), peer))
    return fail("the certificate of the peer is not the one of its SDP (a=fingerprint)");
  const SRTP_PROTECTION_PROFILE* chosen = SSL_get_selected_srtp_profile(ssl.get());
  const auto profile = chosen != nullptr ? profile_by(chosen->id) : std::nullopt;
  if (!profile) return fail("the peer has no SRTP profile in common with us");
  keys.profile = *profile;
  const size_t key = key_size(*profile), salt = salt_size(*profile);
  std::array<uint8_t, 2 * (32 + 14)> material{};
  static constexpr std::string_view kLabel = "EXTRACTOR-dtls_srtp";  // RFC 5764 4.2
  if (SSL_export_keying_material(ssl.get(), material.data(), 2 * (key + salt), kLabel.data(),
                                 kLabel.size(), nullptr, 0, 0) != 1)
    return fail("the keys of SRTP cannot be derived: " + why());
  const auto take = [&](bool of_client) {
    const uint8_t* key_at = material.data() + (of_client ? 0 : key);
    const uint8_t* salt_at = material.data() + 2 * key + (of_client ? 0 : salt);
    std::vector<uint8_t> both(key_at, key_at + key);
    both.insert(both.end(), salt_at, salt_at + salt);
    return both;
  };
  keys.local = take(client);
  keys.remote = take(!client);
  OPENSSL_cleanse(material.data(), material.size());
  state = State::kConnected;
}

Dtls::Dtls(const DtlsContext& context, Role role, Fingerprint peer, Send send)
    : impl_(std::make_unique<Impl>()) {
  impl_->peer = std::move(peer);
  impl_->send = std::move(send);
  impl_->pipe.send = &impl_->send;
  impl_->client = role == Role::kClient;
  impl_->ssl.reset(SSL_new(static_cast<SSL_CTX*>(context.context_)));
  BIO* bio = BIO_new(pipe_method());
  if (!impl_->ssl || bio == nullptr) {
    BIO_free(bio);
    throw std::bad_alloc();
  }
  BIO_set_data(bio, &impl_->pipe);
  SSL* ssl = impl_->ssl.get();
  SSL_set_bio(ssl, bio, bio);
  SSL_set_mtu(ssl, kDtlsMtu);
  DTLS_set_timer_cb(ssl, next_wait);
  if (impl_->client)
    SSL_set_connect_state(ssl);
  else
    SSL_set_accept_state(ssl);
}

Dtls::~Dtls() = default;

void Dtls::start() {
  if (impl_->client && impl_->state == State::kHandshake) impl_->go_on();
}

void Dtls::receive(Bytes datagram) {
  if (impl_->state != State::kHandshake && impl_->state != State::kConnected) return;
  impl_->pipe.incoming = datagram;
  impl_->go_on();
  impl_->pipe.incoming = {};
}

void Dtls::tick() {
  if (impl_->state != State::kHandshake) return;
  ERR_clear_error();
  if (DTLSv1_handle_timeout(impl_->ssl.get()) < 0) impl_->fail("the DTLS handshake got no answer");
}

void Dtls::close() {
  if (impl_->state != State::kConnected) return;
  impl_->state = State::kClosed;
  SSL_shutdown(impl_->ssl.get());
  ERR_clear_error();
}

Dtls::State Dtls::state() const noexcept {
  return impl_->state;
}

const std::string& Dtls::error() const noexcept {
  return impl_->error;
}

const SrtpKeys& Dtls::keys() const noexcept {
  return impl_->keys;
}

}  // namespace stream::webrtc

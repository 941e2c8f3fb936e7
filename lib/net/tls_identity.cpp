#include "net/tls_identity.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <ctime>

#include "base/error.h"
#include "os/fd.h"

namespace stream::net {
namespace {

namespace ssl = boost::asio::ssl;

[[noreturn]] void refuse_certificate(const std::string& message, const char* hint) {
  ERR_clear_error();
  throw Error(Exit::kConfig, "tls.certificate", message, hint);
}

// An encrypted key would be asked for on the terminal.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};

std::unique_ptr<EVP_PKEY, FreeKey> parse_key(const Secret& pem) {
  const std::string_view text = pem.reveal();
  const std::unique_ptr<BIO, FreeBio> bio(
      BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  std::unique_ptr<EVP_PKEY, FreeKey> key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  if (!key)
    refuse_certificate(text.find("ENCRYPTED") != std::string_view::npos
                           ? "the private key is encrypted with a passphrase"
                           : "there is no private key in PEM form where it was said to be",
                       "give the key without a passphrase in a file that only its owner can read");
  return key;
}

std::chrono::system_clock::time_point time_of(const ASN1_TIME* time) {
  std::tm fields{};
  ASN1_TIME_to_tm(time, &fields);
  return std::chrono::system_clock::from_time_t(timegm(&fields));
}

std::string day(std::chrono::system_clock::time_point time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm fields{};
  gmtime_r(&seconds, &fields);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &fields);
  return text.data();
}

std::shared_ptr<ssl::context> context_of(const std::string& file, const std::string& chain,
                                         EVP_PKEY* key) {
  auto made = std::make_shared<ssl::context>(ssl::context::tls_server);
  SSL_CTX* context = made->native_handle();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                   SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  boost::system::error_code error;
  made->use_certificate_chain(boost::asio::buffer(chain), error);
  if (error || SSL_CTX_get0_certificate(context) == nullptr)
    refuse_certificate(
        "there is no certificate in PEM form in " + file,
        "give the file with the whole chain, the server's own certificate first (fullchain.pem)");
  if (SSL_CTX_use_PrivateKey(context, key) != 1)
    refuse_certificate("the private key does not belong to the certificate in " + file,
                       "give the two files that were made together");
  return made;
}

int choose_http(SSL*, const unsigned char** chosen, unsigned char* size,
                const unsigned char* offered, unsigned offered_size, void*) {
  static constexpr unsigned char kHttp[] = "\x08http/1.1";
  unsigned char* found = nullptr;
  if (SSL_select_next_proto(&found, size, kHttp, sizeof kHttp - 1, offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

TlsIdentity::TlsIdentity(std::string certificate_file, std::function<Secret()> key)
    : file_(std::move(certificate_file)), key_(std::move(key)) {
  reload();
}

void TlsIdentity::reload() {
  const std::string chain = os::read_file(file_);
  const auto key = parse_key(key_());
  auto made = context_of(file_, chain, key.get());
  auto made_for_http = context_of(file_, chain, key.get());
  SSL_CTX_set_alpn_select_cb(made_for_http->native_handle(), choose_http, nullptr);
  const X509* certificate = SSL_CTX_get0_certificate(made->native_handle());
  const auto expires = time_of(X509_get0_notAfter(certificate));
  const auto now = std::chrono::system_clock::now();
  if (expires <= now)
    refuse_certificate("the certificate in " + file_ + " expired on " + day(expires), "renew it");
  if (const auto begins = time_of(X509_get0_notBefore(certificate)); begins > now)
    refuse_certificate("the certificate in " + file_ + " is not valid before " + day(begins),
                       "check this machine's clock");
  std::array<char, 256> name{};
  X509_NAME_oneline(X509_get_subject_name(certificate), name.data(), static_cast<int>(name.size()));
  subject_ = name.data();
  expires_ = expires;
  context_ = std::move(made);
  http_context_ = std::move(made_for_http);
}

}  // namespace stream::net

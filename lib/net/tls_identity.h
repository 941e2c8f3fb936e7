// The certificate chain and the key that a TLS server shows, from PEM. Can be read anew while
// connections are open: they keep what they began with. On one thread.
#pragma once
#include <boost/asio/ssl/context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/secret.h"

namespace stream::net {

// What a connection that begins now shows. None: no TLS.
using TlsContexts = std::function<std::shared_ptr<boost::asio::ssl::context>()>;

class TlsIdentity {
 public:
  // `key` reads the private key in PEM; it may throw Error.
  TlsIdentity(std::string certificate_file, std::function<Secret()> key);

  // For connections from now on. Throws Error kConfig "tls.certificate", saying which file and what
  // is wrong with it (unreadable, not in PEM, expired, not of this key), and keeps the former.
  void reload();
  // TLS 1.2 and newer, the full chain.
  std::shared_ptr<boost::asio::ssl::context> context() const noexcept { return context_; }
  // The same for HTTP/1.1, which it chooses by ALPN (RFC 7301); who offers only others is refused.
  std::shared_ptr<boost::asio::ssl::context> http_context() const noexcept { return http_context_; }

  const std::string& subject() const noexcept { return subject_; }
  std::chrono::system_clock::time_point expires() const noexcept { return expires_; }

 private:
  const std::string file_;
  const std::function<Secret()> key_;
  std::shared_ptr<boost::asio::ssl::context> context_, http_context_;
  std::string subject_;
  std::chrono::system_clock::time_point expires_;
};

}  // namespace stream::net

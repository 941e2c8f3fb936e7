// The certificate that a program shows in TLS: read at the start, and again when its file changes
// or at SIGHUP. On the io context's thread.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/secret.h"
#include "cli/tls_bundle.h"
#include "control/service.h"
#include "net/tls_identity.h"

namespace stream::cli {

class Certificate {
 public:
  // Throws Error "tls.certificate", or what the key's source says.
  Certificate(boost::asio::io_context& io, control::Service& service, const TlsBundle& files);

  // For net::TlsContexts, as long as this is there.
  net::TlsContexts contexts() const {
    return [this] { return identity_->context(); };
  }
  net::TlsContexts http_contexts() const {
    return [this] { return identity_->http_context(); };
  }

 private:
  Secret read_key();
  void reload();
  void watch();
  uint64_t stamp() const;

  control::Service& service_;
  const std::string file_, key_;
  Secret kept_;  // of a source that can be read only once
  std::optional<net::TlsIdentity> identity_;
  boost::asio::steady_timer timer_;
  uint64_t stamp_ = 0;
};

}  // namespace stream::cli

// The certificate of rtmps://: read at the start, and again when its file changes or at SIGHUP. On
// the io context's thread.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/secret.h"
#include "control/service.h"
#include "net/tls_identity.h"
#include "options.h"

namespace stream::ingest {

class Certificate {
 public:
  // Throws Error "tls.certificate", or what the key's source says.
  Certificate(boost::asio::io_context& io, control::Service& service, const Options& options);

  std::shared_ptr<boost::asio::ssl::context> context() const { return identity_->context(); }

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

}  // namespace stream::ingest

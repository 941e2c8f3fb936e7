// Names to addresses without ever holding up the event loop, nor one lookup another. Deadlines are
// the caller's: it stops listening. On the io context's thread; the destructor waits for nothing.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "net/offload.h"

namespace stream::net {

struct Resolved {
  std::vector<boost::asio::ip::tcp::endpoint> endpoints;  // in the system's order of preference
  std::string error;                                      // why there are none, for people
};

class Resolver {
 public:
  using Lookup = std::function<Resolved(const std::string& host, uint16_t port)>;

  explicit Resolver(boost::asio::io_context& io, Lookup lookup = system_lookup);

  // The handler is called later, on the io context, unless the Resolver is gone by then. Addresses
  // in numbers need no thread.
  void resolve(const std::string& host, uint16_t port, std::function<void(Resolved)> handler);

  // getaddrinfo(3); blocks.
  static Resolved system_lookup(const std::string& host, uint16_t port);

 private:
  boost::asio::io_context& io_;
  Lookup lookup_;
  Offload threads_;
};

}  // namespace stream::net

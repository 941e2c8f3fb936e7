#include "net/resolver.h"

#include <netdb.h>

#include <boost/asio/post.hpp>
#include <cstring>

namespace stream::net {

namespace asio = boost::asio;
using asio::ip::tcp;

Resolver::Resolver(asio::io_context& io, Lookup lookup)
    : io_(io), lookup_(std::move(lookup)), threads_(io) {}

void Resolver::resolve(const std::string& host, uint16_t port,
                       std::function<void(Resolved)> handler) {
  const auto now = [&](Resolved result) {
    asio::post(io_, [handler = std::move(handler), result = std::move(result)]() mutable {
      handler(std::move(result));
    });
  };
  boost::system::error_code error;
  const auto address = asio::ip::make_address(host, error);
  if (!error) return now({{tcp::endpoint(address, port)}, {}});
  const bool started = threads_.run([lookup = lookup_, host, port, handler] {
    Resolved result = lookup(host, port);
    return [handler, result = std::move(result)]() mutable { handler(std::move(result)); };
  });
  if (!started) now({{}, "too many name lookups are hanging"});
}

Resolved Resolver::system_lookup(const std::string& host, uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int code = getaddrinfo(host.c_str(), nullptr, &hints, &list);
  Resolved result;
  if (code != 0) {
    result.error = gai_strerror(code);
    return result;
  }
  constexpr size_t kMaxAddresses = 32;
  for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
    tcp::endpoint endpoint;
    if (one->ai_addrlen > endpoint.capacity() || result.endpoints.size() == kMaxAddresses) continue;
    std::memcpy(endpoint.data(), one->ai_addr, one->ai_addrlen);
    endpoint.resize(one->ai_addrlen);
    endpoint.port(port);
    result.endpoints.push_back(endpoint);
  }
  freeaddrinfo(list);
  if (result.endpoints.empty()) result.error = "no addresses";
  return result;
}

}  // namespace stream::net

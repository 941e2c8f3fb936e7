#include "net/passed_listeners.h"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/error.h"

using namespace stream;

namespace {

os::PassedSocket listener(const char* host, uint16_t& port) {
  net::TcpListener one = net::listen_tcp(host, 0);
  sockaddr_in at{};
  socklen_t size = sizeof at;
  ::getsockname(one.fd.get(), reinterpret_cast<sockaddr*>(&at), &size);
  port = ntohs(at.sin_port);
  return {std::move(one.fd), "one"};
}

std::vector<os::PassedSocket> list(os::PassedSocket one) {
  std::vector<os::PassedSocket> all;
  all.push_back(std::move(one));
  return all;
}

}  // namespace

TEST_CASE("a passed listener is given to who names its port, once") {
  uint16_t port = 0;
  net::PassedListeners passed(list(listener("127.0.0.1", port)));
  CHECK_FALSE(passed.take("127.0.0.1", static_cast<uint16_t>(port - 1)));
  CHECK_THROWS_AS(passed.check_all_taken(), Error);
  const auto taken = passed.take("127.0.0.1", port);
  REQUIRE(taken);
  CHECK(taken->fd.get() >= 0);
  CHECK_FALSE(taken->v6);
  CHECK_FALSE(passed.take("127.0.0.1", 0));
  CHECK_NOTHROW(passed.check_all_taken());
}

TEST_CASE("an address of this machine alone is not widened by what is passed") {
  uint16_t port = 0;
  net::PassedListeners passed(list(listener("0.0.0.0", port)));
  CHECK_THROWS_AS(passed.take("127.0.0.1", port), Error);
  CHECK_THROWS_AS(passed.take("localhost", port), Error);
  CHECK(passed.take("0.0.0.0", port));
}

TEST_CASE("what is no listening TCP socket is refused") {
  const auto refused = [](int fd) {
    CHECK_THROWS_AS(net::PassedListeners(list({os::Fd(fd), "x"})), Error);
  };
  refused(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  refused(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  refused(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

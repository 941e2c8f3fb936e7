#include "os/port_owner.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/fd.h"

using namespace stream;

TEST_CASE("port owner: names the process that listens") {
  for (const int family : {AF_INET, AF_INET6}) {
    const os::Fd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_storage address{};
    address.ss_family = static_cast<sa_family_t>(family);
    socklen_t length = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), length) != 0) continue;
    REQUIRE(::listen(fd.get(), 1) == 0);
    REQUIRE(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length) == 0);
    const uint16_t port = ntohs(reinterpret_cast<sockaddr_in*>(&address)->sin_port);
    CHECK(os::describe_port_owner(port) == "process " + std::to_string(::getpid()) + " (unit-os)");
  }
  CHECK(os::describe_port_owner(1) == "another process");
}

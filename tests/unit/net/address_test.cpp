#include "net/address.h"

#include <doctest/doctest.h>

using boost::asio::ip::make_address;
using stream::net::is_inner_address;

TEST_CASE("is_inner_address") {
  for (const char* inner :
       {"127.0.0.1",        "10.1.2.3",        "172.16.0.1",    "172.31.255.255",
        "192.168.1.1",      "169.254.169.254", "100.64.0.1",    "0.0.0.0",
        "224.0.0.1",        "255.255.255.255", "::1",           "::",
        "fe80::1",          "fd00::1",         "ff02::1",       "::ffff:10.0.0.1",
        "::ffff:127.0.0.1", "64:ff9b::a00:1",  "2002:a00:1::1", "2002:7f00:1::"})
    CHECK_MESSAGE(is_inner_address(make_address(inner)), inner);
  for (const char* outer :
       {"8.8.8.8", "172.32.0.1", "172.15.0.1", "100.128.0.1", "192.169.0.1", "2001:4860:4860::8888",
        "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"})
    CHECK_MESSAGE(!is_inner_address(make_address(outer)), outer);
}

#include "keys/address.h"

#include <doctest/doctest.h>

using namespace stream::keys;

TEST_CASE("is_inner") {
  for (const char* text : {"127.0.0.1",
                           "127.255.255.255",
                           "0.0.0.0",
                           "10.1.2.3",
                           "100.64.0.1",
                           "169.254.169.254",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.168.0.1",
                           "198.18.0.1",
                           "224.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "::ffff:127.0.0.1",
                           "::ffff:a9fe:a9fe",
                           "::127.0.0.1",
                           "fd00::1",
                           "fe80::1",
                           "ff02::1",
                           "64:ff9b::7f00:1",
                           "2002:7f00:1::",
                           "2002:c0a8:1::1"}) {
    CAPTURE(text);
    CHECK(is_inner(*parse_address(text)));
  }
  for (const char* text :
       {"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
        "128.0.0.1", "169.253.255.255", "172.15.0.1", "172.32.0.1", "192.167.0.1",
        "223.255.255.255", "2606:4700::1", "64:ff9b::101:101", "2002:101:101::1"}) {
    CAPTURE(text);
    CHECK_FALSE(is_inner(*parse_address(text)));
  }
}

TEST_CASE("text_of") {
  for (const char* text : {"127.0.0.1", "::1", "2606:4700::1"})
    CHECK(text_of(*parse_address(text)) == text);
  CHECK(text_of(*parse_address("::ffff:1.2.3.4")) == "1.2.3.4");
}

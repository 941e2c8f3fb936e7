#include "net/address_turns.h"

#include <doctest/doctest.h>

using boost::asio::ip::make_address;
using stream::net::AddressTurns;

namespace {
AddressTurns::Endpoint at(const char* address) {
  return {make_address(address), 9000};
}
}  // namespace

TEST_CASE("AddressTurns") {
  const std::vector<AddressTurns::Endpoint> all = {at("::1"), at("::2"), at("10.0.0.1"),
                                                   at("10.0.0.2")};
  AddressTurns turns;
  const auto first = [&] { return turns.order(all).front(); };
  CHECK(turns.order(all) ==
        std::vector<AddressTurns::Endpoint>{at("::1"), at("10.0.0.1"), at("::2"), at("10.0.0.2")});
  SUBCASE("one that did not answer comes last, and all have their turn") {
    for (const char* next : {"::1", "10.0.0.1", "::2", "10.0.0.2", "::1", "10.0.0.1"}) {
      CHECK(first() == at(next));
      turns.trying(at(next));
    }
  }
  SUBCASE("the one that answered is the next one again") {
    turns.trying(at("::1"));
    turns.trying(at("10.0.0.1"));
    turns.answered(at("10.0.0.1"));
    CHECK(first() == at("10.0.0.1"));
    CHECK(turns.order(all).back() == at("::1"));
  }
  SUBCASE("of a name that moves on without end not all is remembered") {
    for (uint16_t port = 1; port < 10'000; ++port) turns.trying({make_address("::1"), port});
    CHECK(turns.order(all).size() == 4);
  }
}

#include "whep/place.h"

#include <doctest/doctest.h>

using namespace stream::whep;

TEST_CASE("paths of WHEP, whole and cut") {
  const std::string whole = "/demo/whep/AbC-_9";
  const auto place = place_of(whole);
  REQUIRE(place);
  CHECK(place->stream == "demo");
  CHECK(place->id == "AbC-_9");
  CHECK(place_of("/demo/whep")->id.empty());
  for (size_t size = 0; size < whole.size(); ++size)
    CHECK(place_of(whole.substr(0, size)).has_value() == (size == 10 || size > 11));
  for (const char* wrong : {"demo/whep", "/Demo/whep", "/../whep", "/demo/whepx", "/demo/whep/a/b",
                            "//whep", "/demo/live", "/whep", "/demo/whep//"})
    CHECK_FALSE(place_of(wrong));
}

#include "manifest/rights.h"

#include <doctest/doctest.h>

#include "base/error.h"

using namespace stream;
using namespace stream::manifest;

TEST_CASE("Rights: who is let in") {
  Rights rights;
  CHECK(rights.for_everybody());
  CHECK(rights.lets(""));
  rights.hidden = true;
  CHECK_FALSE(rights.for_everybody());
  CHECK(rights.lets(""));
  rights.is_public = false;
  CHECK_FALSE(rights.lets(""));
  CHECK_FALSE(rights.lets("anna"));
  rights.allow = {"anna", ""};
  CHECK(rights.lets("anna"));
  CHECK_FALSE(rights.lets("ann"));
  CHECK_FALSE(rights.lets(""));
  rights.owner = "otto";
  CHECK(rights.lets("otto"));
}

TEST_CASE("Rights: as JSON and back, and nothing that is less") {
  Rights rights;
  rights.is_public = false;
  rights.owner = "otto";
  rights.allow = {"anna", "b\"c"};
  const Json json = to_json(rights);
  const Rights back = rights_from_json(json);
  CHECK_FALSE(back.is_public);
  CHECK(back.owner == "otto");
  CHECK(back.allow == rights.allow);
  const std::string text = json.dump();
  for (size_t size = 0; size < text.size(); ++size)
    CHECK_THROWS_AS(rights_from_json(Json::parse(text.substr(0, size), nullptr, false)), Error);
  for (const char* name : {"visibility", "hidden", "owner", "allow"}) {
    CAPTURE(name);
    Json less = json;
    less.erase(name);
    CHECK_THROWS_AS(rights_from_json(less), Error);
    less = json;
    less[name] = 5;
    CHECK_THROWS_AS(rights_from_json(less), Error);
  }
  Json odd = json;
  odd["visibility"] = "Public";
  CHECK_THROWS_AS(rights_from_json(odd), Error);
  odd = json;
  odd["allow"] = {1};
  CHECK_THROWS_AS(rights_from_json(odd), Error);
}

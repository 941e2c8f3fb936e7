#include "rtmp/amf0.h"

#include <doctest/doctest.h>

using namespace stream;
using namespace stream::rtmp::amf0;

namespace {

using ByteVector = std::vector<uint8_t>;

// One value that must take all bytes.
std::optional<Value> decode(const ByteVector& bytes) {
  Reader reader{Bytes(bytes)};
  Value value = reader.read();
  if (!reader.ok() || !reader.at_end()) return std::nullopt;
  return value;
}

}  // namespace

TEST_CASE("amf0: what is written is read") {
  Array array;
  array.items = {1, "two", Null{}};
  Object ecma{{"width", 640}, {"list", array}};
  ecma.ecma_array = true;
  const Object object{{"app", "live"}, {"flag", true}, {"inner", ecma}, {"none", Undefined{}}};
  const ByteVector bytes = encode("connect", 1.5, object, Date{1e12}, std::string(70'000, 'x'));
  Reader reader{Bytes(bytes)};
  CHECK(reader.read().text() == "connect");
  CHECK(reader.read().number() == 1.5);
  const Value value = reader.read();
  REQUIRE(value.object() != nullptr);
  CHECK(value.object()->find("app")->text() == "live");
  CHECK(std::get<bool>(*value.object()->find("flag")));
  const Object* inner = value.object()->find("inner")->object();
  CHECK(inner->ecma_array);
  CHECK(inner->find("width")->number() == 640);
  CHECK(inner->find("list")->array()->items.size() == 3);
  CHECK(inner->find("missing") == nullptr);
  CHECK(std::get<Date>(reader.read()).milliseconds == 1e12);
  CHECK(reader.read().text().size() == 70'000);
  CHECK(reader.ok());
  CHECK(reader.at_end());
}

TEST_CASE("amf0: forms that are only read") {
  CHECK(std::holds_alternative<Undefined>(*decode({7, 0, 1})));  // reference
  CHECK(std::holds_alternative<Undefined>(*decode({13})));
  CHECK(decode({15, 0, 0, 0, 2, '<', '>'})->text() == "<>");
  CHECK(decode({16, 0, 1, 'C', 0, 1, 'a', 5, 0, 0, 9})->object()->properties.size() == 1);
  CHECK(decode({3, 0, 0, 5, 0, 0, 9})->object()->properties.size() == 1);  // an empty name
  SUBCASE("an ECMA array's count is a hint, its end may be missing") {
    CHECK(decode({8, 0xFF, 0xFF, 0xFF, 0xFF, 0, 1, 'a', 5, 0, 0, 9})->object() != nullptr);
    CHECK(decode({8, 0, 0, 0, 1, 0, 1, 'a', 5})->object()->properties.size() == 1);
  }
  SUBCASE("single values in AMF3") {
    CHECK(decode({17, 4, 0x07})->number() == 7);
    CHECK(decode({17, 4, 0x81, 0x00})->number() == 128);
    CHECK(decode({17, 4, 0xFF, 0xFF, 0xFF, 0xFF})->number() == -1);
    CHECK(decode({17, 6, 0x07, 'a', 'b', 'c'})->text() == "abc");
    CHECK(std::get<bool>(*decode({17, 3})));
    CHECK(std::holds_alternative<Undefined>(*decode({17, 6, 0x02})));
    CHECK_FALSE(decode({17, 10, 0x0B, 1, 1}));  // an object
  }
}

TEST_CASE("amf0: hostile bytes") {
  SUBCASE("every prefix of a value fails") {
    const ByteVector bytes = encode(Object{{"a", "text"}, {"b", 1}, {"c", Object{{"d", Date{1}}}}});
    for (size_t cut = 0; cut < bytes.size(); ++cut) {
      CHECK_FALSE(decode(ByteVector(bytes.begin(), bytes.begin() + cut)));
    }
  }
  SUBCASE("lengths and counts that aren't there (R06)") {
    ByteVector text = {12, 0xFF, 0xFF, 0xFF, 0xFF}, array = {10, 0xFF, 0xFF, 0xFF, 0xFF};
    text.resize(40);
    array.resize(40);
    CHECK_FALSE(decode(text));
    CHECK_FALSE(decode(array));
    CHECK_FALSE(decode({2, 0xFF, 0xFF, 'a'}));
  }
  SUBCASE("nesting: 32 levels pass, more fail, whatever the container (R05)") {
    const ByteVector object = {3, 0, 1, 'a'}, ecma = {8, 0, 0, 0, 1, 0, 1, 'a'},
                     array = {10, 0, 0, 0, 1};
    for (const ByteVector& open : {object, ecma, array}) {
      for (const int depth : {kMaxDepth, kMaxDepth + 1, 100'000}) {
        ByteVector bytes;
        for (int i = 0; i < depth; ++i) bytes.insert(bytes.end(), open.begin(), open.end());
        bytes.push_back(5);
        for (int i = 0; i < depth && open[0] != 10; ++i) bytes.insert(bytes.end(), {0, 0, 9});
        CHECK(decode(bytes).has_value() == (depth == kMaxDepth));
      }
    }
  }
  SUBCASE("the number of values is bounded over all of a message") {
    ByteVector bytes = {10, 0, 0, 0x40, 0};
    bytes.resize(bytes.size() + 0x4000, 5);
    CHECK_FALSE(decode(bytes));
  }
  SUBCASE("markers that mean nothing") {
    for (const uint8_t marker : {4, 9, 14, 18, 255}) CHECK_FALSE(decode({marker, 0, 0}));
  }
  SUBCASE("failure is sticky") {
    const ByteVector bytes = {4, 5};
    Reader reader{Bytes(bytes)};
    reader.read();
    reader.read();
    CHECK_FALSE(reader.ok());
  }
}

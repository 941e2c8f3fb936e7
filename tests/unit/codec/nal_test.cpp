#include "codec/nal.h"

#include <doctest/doctest.h>

#include "codec/bits.h"

using namespace stream;
using namespace stream::codec;
using Vector = std::vector<uint8_t>;

TEST_CASE("split_annexb") {
  const auto parts = [](const Vector& bytes) {
    std::vector<Vector> out;
    for (const Bytes nal : split_annexb(bytes)) out.emplace_back(nal.begin(), nal.end());
    return out;
  };
  CHECK(parts({0, 0, 1, 9, 0x10, 0, 0, 0, 1, 0x65, 0, 0, 3, 1}) ==
        std::vector<Vector>{{9, 0x10}, {0x65, 0, 0, 3, 1}});
  CHECK(parts({0, 0, 0, 1, 7, 0, 0, 1, 0, 0, 1, 8, 0, 0}) ==
        std::vector<Vector>{{7}, {8}});  // an empty unit, zeros at the end
  CHECK(parts({}).empty());
  CHECK(parts({1}).empty());
  CHECK(parts({0, 0, 1}).empty());
  CHECK(parts({5, 5, 5, 1, 5}).empty());
}

TEST_CASE("length-prefixed units") {
  const Vector good = {0, 0, 0, 2, 9, 8, 0, 0, 0, 1, 7};
  CHECK(split_length_prefixed(good, 4)->size() == 2);
  for (size_t n = 1; n < good.size(); ++n) {
    if (n == 6) continue;  // the end of the first unit
    const Vector cut(good.begin(), good.begin() + static_cast<ptrdiff_t>(n));
    CHECK_FALSE(split_length_prefixed(cut, 4));
  }
  CHECK_FALSE(split_length_prefixed(Vector{0xff, 0xff, 0xff, 0xff, 1}, 4));
  CHECK(split_length_prefixed(Vector{1, 9, 1, 8}, 1)->size() == 2);

  const Buffer annexb = *length_prefixed_to_annexb(good, 4);
  CHECK(annexb == Buffer::copy(Vector{0, 0, 0, 1, 9, 8, 0, 0, 0, 1, 7}));
  CHECK(is_annexb(annexb));
  CHECK(annexb_to_length_prefixed(annexb) == Buffer::copy(good));
}

TEST_CASE("changed_in_band") {
  const Vector extradata = {0, 0, 0, 1, 0x67, 1, 2, 0, 0, 0, 1, 0x68, 9};
  const Vector same = {0, 0, 0, 1, 0x67, 1, 2, 0, 0, 1, 0x68, 8, 0, 0, 1, 0x65, 5};
  const Vector other = {0, 0, 0, 1, 0x67, 1, 3, 0, 0, 1, 0x68, 8, 0, 0, 1, 0x65, 5};
  CHECK(changed_in_band("h264", extradata, same).empty());
  CHECK(changed_in_band("h264", extradata, Vector{0, 0, 0, 1, 0x65, 5}).empty());
  CHECK(changed_in_band("h264", extradata, other) ==
        Buffer::copy(Vector{0, 0, 0, 1, 0x67, 1, 3, 0, 0, 0, 1, 0x68, 8}));
  CHECK(changed_in_band("aac", extradata, other).empty());
  CHECK(changed_in_band("h264", Vector{1, 100, 0, 30}, other).empty());
}

TEST_CASE("unescape") {
  CHECK(unescape(Vector{1, 0, 0, 3, 1, 0, 0, 3, 0, 0, 3}) == Vector{1, 0, 0, 1, 0, 0, 0, 0});
  CHECK(unescape(Vector(10000, 7), 100).size() == 100);
}

TEST_CASE("BitReader") {
  SUBCASE("Exp-Golomb") {
    const Vector bytes = {0b10100110, 0b01000010, 0b10000000};  // 1 010 011 00100 00101 ...
    BitReader bits(bytes);
    CHECK(bits.ue() == 0);
    CHECK(bits.ue() == 1);
    CHECK(bits.ue() == 2);
    CHECK(bits.ue() == 3);
    CHECK(bits.se() == -2);
    CHECK(bits.ok());
  }
  SUBCASE("the largest code, one that is too long, and the end") {
    Vector bytes = {0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff};
    BitReader largest(bytes);
    CHECK(largest.ue() == UINT32_MAX - 1);
    CHECK(largest.ok());
    const Vector zeros(100, 0);
    BitReader too_long(zeros);
    CHECK(too_long.ue() == 0);
    CHECK_FALSE(too_long.ok());
    BitReader end(Bytes{});
    CHECK(end.bits(1) == 0);
    CHECK_FALSE(end.ok());
  }
}

TEST_CASE("length_prefixed_parameter_sets") {
  const std::vector<uint8_t> avcc = {1,    0x42, 0, 10, 0xFF, 0xE1, 0, 2,
                                     0x67, 1,    1, 0,  3,    0x68, 2, 3};
  CHECK(codec::length_prefixed_parameter_sets("h264", avcc) ==
        std::vector<uint8_t>{0, 0, 0, 2, 0x67, 1, 0, 0, 0, 3, 0x68, 2, 3});
  for (size_t n = 0; n < avcc.size(); ++n)
    CHECK(codec::length_prefixed_parameter_sets("h264", Bytes(avcc).first(n)).empty());
  std::vector<uint8_t> hvcc(23);
  hvcc[21] = 3;
  hvcc[22] = 1;
  hvcc.insert(hvcc.end(), {0x20, 0, 1, 0, 2, 0x40, 1});
  CHECK(codec::length_prefixed_parameter_sets("hevc", hvcc) ==
        std::vector<uint8_t>{0, 0, 0, 2, 0x40, 1});
  for (size_t n = 23; n < hvcc.size(); ++n)
    CHECK(codec::length_prefixed_parameter_sets("hevc", Bytes(hvcc).first(n)).empty());
}

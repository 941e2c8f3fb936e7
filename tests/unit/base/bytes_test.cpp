#include "base/bytes.h"

#include <doctest/doctest.h>

using namespace stream;

TEST_CASE("ByteReader") {
  const uint8_t data[] = {0x01, 0x02, 0x03, 0xff, 0xff, 0xfe, 0x04};
  SUBCASE("numbers are big-endian, i24 is signed") {
    ByteReader reader(data);
    CHECK(reader.u24() == 0x010203);
    CHECK(reader.i24() == -2);
    CHECK(reader.remaining() == 1);
    CHECK(reader.ok());
  }
  SUBCASE("a read past the end fails, stays failed and gives zeros") {
    ByteReader reader(data);
    reader.skip(6);
    CHECK(reader.u16() == 0);
    CHECK_FALSE(reader.ok());
    CHECK(reader.u8() == 0);
    CHECK(reader.remaining() == 0);
  }
  SUBCASE("a huge length does not wrap round") {
    ByteReader reader(data);
    CHECK(reader.bytes(SIZE_MAX).empty());
    CHECK_FALSE(reader.ok());
  }
}

TEST_CASE("ByteWriter writes what ByteReader reads") {
  ByteWriter writer;
  writer.u24(0xabcdef);
  writer.u32_le(0x01020304);
  writer.f64(1.5);
  writer.patch_u32(3, 0);
  ByteReader reader(writer.view());
  CHECK(reader.u24() == 0xabcdef);
  CHECK(reader.u32_le() == 0);
  CHECK(reader.f64() == 1.5);
  CHECK(reader.ok());
  CHECK(reader.remaining() == 0);
}

TEST_CASE("Buffer slices share memory and are cut to what is there") {
  const uint8_t data[] = {1, 2, 3, 4};
  const Buffer whole = Buffer::copy(data);
  const Buffer part = whole.slice(1, 2);
  CHECK(part.size() == 2);
  CHECK(part.data() == whole.data() + 1);
  CHECK(whole.slice(9).empty());
  CHECK(whole.slice(3, 100).size() == 1);
  CHECK(whole.data()[whole.size()] == 0);
}

#include "mp4/box.h"

#include <doctest/doctest.h>

using namespace stream;
using namespace stream::mp4;

TEST_CASE("next_box") {
  BoxWriter out;
  out.box("free", [&] { out.zeros(4); });
  out.u32(1);
  out.text("mdat");
  out.u64(20);
  out.u32(7);
  out.u32(0);
  out.text("skip");
  out.u8(1);
  const std::vector<uint8_t> all = out.take();

  SUBCASE("32-bit, 64-bit and open sizes") {
    Bytes rest = all;
    auto box = next_box(rest);
    REQUIRE(box);
    CHECK(box->is("free"));
    CHECK(box->payload.size() == 4);
    box = next_box(rest);
    REQUIRE(box);
    CHECK(box->is("mdat"));
    CHECK(box->header_size == 16);
    CHECK(box->payload.size() == 4);
    box = next_box(rest);
    REQUIRE(box);
    CHECK(box->is("skip"));
    CHECK(box->size == 9);
    CHECK_FALSE(next_box(rest));
  }
  SUBCASE("every cut ends the walk without reading on") {
    for (size_t n = 0; n < all.size(); ++n) {
      const std::vector<uint8_t> cut(all.begin(), all.begin() + static_cast<ptrdiff_t>(n));
      Bytes rest = cut;
      size_t payload = 0;
      while (const auto box = next_box(rest)) payload += box->payload.size();
      CHECK(payload <= n);
    }
  }
  SUBCASE("sizes 2 to 7 and 2^64-1") {
    for (uint32_t size = 2; size < 8; ++size) {
      ByteWriter bad;
      bad.u32(size);
      bad.text("moov");
      Bytes rest = bad.view();
      CHECK_FALSE(next_box(rest));
    }
    ByteWriter huge;
    huge.u32(1);
    huge.text("moov");
    huge.u64(UINT64_MAX);
    Bytes rest = huge.view();
    const auto box = next_box(rest);
    REQUIRE(box);
    CHECK_FALSE(box->complete);
    CHECK(box->payload.empty());
  }
}

TEST_CASE("find_box") {
  BoxWriter out;
  out.box("free", [] {});
  out.box("moov", [&] {
    out.box("mvhd", [] {});
    out.box("trak", [&] { out.box("tkhd", [&] { out.u8(9); }); });
  });
  CHECK(find_box(out.view(), "moov/trak/tkhd")->payload[0] == 9);
  CHECK_FALSE(find_box(out.view(), "moov/trak/mdia"));
  CHECK_FALSE(find_box(out.view(), "mvhd"));
}

#include "base/fifo.h"

#include <doctest/doctest.h>

#include <memory>

using stream::Fifo;

TEST_CASE("Fifo") {
  Fifo<std::shared_ptr<int>> fifo;
  CHECK(fifo.empty());
  SUBCASE("first in, first out, however they mix") {
    int in = 0, out = 0;
    for (int round = 1; round <= 200; ++round) {
      for (int i = 0; i < round % 7 + 3; ++i) fifo.push(std::make_shared<int>(in++));
      for (int i = 0; i < round % 5 + 2 && !fifo.empty(); ++i) CHECK(*fifo.pop() == out++);
      CHECK(fifo.size() == static_cast<size_t>(in - out));
      if (!fifo.empty()) CHECK(*fifo.front() == out);
      CHECK(fifo.end() - fifo.begin() == in - out);
    }
    while (!fifo.empty()) CHECK(*fifo.pop() == out++);
    CHECK(out == in);
  }
  SUBCASE("what was taken is kept no longer") {
    const auto item = std::make_shared<int>(1);
    fifo.push(item);
    fifo.push(std::make_shared<int>(2));
    fifo.pop();
    CHECK(item.use_count() == 1);
    fifo.push(item);
    fifo.clear();
    CHECK(item.use_count() == 1);
    CHECK(fifo.empty());
  }
}

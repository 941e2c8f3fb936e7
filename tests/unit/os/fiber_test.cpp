#include "os/fiber.h"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <vector>

using stream::os::Fiber;

TEST_CASE("Fiber") {
  SUBCASE("stops and goes on") {
    std::string said;
    Fiber* self = nullptr;
    Fiber fiber([&] {
      for (const char* word : {"a", "b", "c"}) {
        said += word;
        self->stop();
      }
    });
    self = &fiber;
    for (const char* expected : {"a", "ab", "abc"}) {
      fiber.resume();
      CHECK(said == expected);
      CHECK_FALSE(fiber.ended());
    }
    fiber.resume();
    CHECK(fiber.ended());
  }
  SUBCASE("exceptions are caught inside as anywhere, also over a stop") {
    int caught = 0;
    Fiber* self = nullptr;
    Fiber fiber([&] {
      for (int i = 0; i < 3; ++i) {
        try {
          self->stop();
          throw std::runtime_error("x");
        } catch (const std::runtime_error&) {
          self->stop();
          ++caught;
        }
      }
    });
    self = &fiber;
    while (!fiber.ended()) fiber.resume();
    CHECK(caught == 3);
  }
  SUBCASE("two in turn, each with its own stack") {
    std::vector<int> order;
    Fiber* selves[2] = {};
    const auto body = [&](int id) {
      return [&, id] {
        int local = id * 100;
        for (int i = 0; i < 3; ++i) {
          order.push_back(local++);
          selves[id]->stop();
        }
      };
    };
    Fiber a(body(0)), b(body(1));
    selves[0] = &a;
    selves[1] = &b;
    while (!a.ended() || !b.ended()) {
      if (!a.ended()) a.resume();
      if (!b.ended()) b.resume();
    }
    CHECK(order == std::vector<int>{0, 100, 1, 101, 2, 102});
  }
  SUBCASE("one that never began costs nothing") {
    Fiber fiber([] {});
    CHECK_FALSE(fiber.ended());
  }
}

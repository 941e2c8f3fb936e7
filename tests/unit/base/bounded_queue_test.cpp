#include "base/bounded_queue.h"

#include <doctest/doctest.h>

#include <stdexcept>
#include <thread>

using stream::BoundedQueue;

TEST_CASE("BoundedQueue") {
  SUBCASE("hands items over in order and bounds what waits") {
    BoundedQueue<int> queue(4);
    std::thread writer([&] {
      for (int i = 0; i < 10000; ++i) queue.push(i);
      queue.stop();
    });
    int expected = 0;
    while (auto item = queue.pop()) {
      CHECK(queue.size() <= 4);
      REQUIRE(*item == expected++);
    }
    CHECK(expected == 10000);
    writer.join();
  }
  SUBCASE("the cost bounds too, but one large item passes an empty queue") {
    BoundedQueue<int> queue(100, 10);
    int item = 1;
    CHECK(queue.try_push(item, 50));
    CHECK_FALSE(queue.try_push(item, 1));
    CHECK(queue.pop() == 1);
    CHECK(queue.try_push(item, 6));
    CHECK_FALSE(queue.try_push(item, 6));
    CHECK(queue.cost() == 6);
  }
  SUBCASE("stop frees a blocked writer, then the items drain, then the error shows") {
    BoundedQueue<int> queue(1);
    queue.push(1);
    bool pushed = true;
    std::thread writer([&] { pushed = queue.push(2); });
    queue.stop(std::make_exception_ptr(std::runtime_error("worker died")));
    writer.join();
    CHECK_FALSE(pushed);
    CHECK(queue.pop() == 1);
    CHECK_THROWS_WITH(queue.pop(), "worker died");
    CHECK(queue.ended());
  }
  SUBCASE("pop_for returns without an item in time") {
    BoundedQueue<int> queue(1);
    CHECK_FALSE(queue.pop_for(std::chrono::milliseconds(1)));
    CHECK_FALSE(queue.ended());
  }
}

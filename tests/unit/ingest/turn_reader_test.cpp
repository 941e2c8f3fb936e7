#include "ingest/turn_reader.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>

using namespace stream;
using namespace stream::media;
using namespace std::chrono_literals;

namespace {

// Takes `at_once` bytes at a call.
struct Taker : TurnReader::Client {
  explicit Taker(size_t size) : at_once(size) {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    ours = os::Fd(ends[0]);
    theirs = os::Fd(ends[1]);
  }
  bool readable(bool end) override {
    ended = ended || end;
    std::vector<char> room(at_once);
    const ssize_t n = ::recv(ours.get(), room.data(), room.size(), MSG_DONTWAIT);
    closed = n == 0;
    if (n > 0) taken += static_cast<size_t>(n);
    return n > 0 && (ended || static_cast<size_t>(n) == at_once);
  }
  void put(size_t size) const {
    REQUIRE(::send(theirs.get(), std::vector<char>(size).data(), size, 0) ==
            static_cast<ssize_t>(size));
  }

  os::Fd ours, theirs;
  size_t at_once, taken = 0;
  bool ended = false, closed = false;
};

template <typename Done>
void run(boost::asio::io_context& io, Done done) {
  const auto until = std::chrono::steady_clock::now() + 10s;
  while (!done() && std::chrono::steady_clock::now() < until) io.run_one_for(100ms);
  CHECK(done());
}

}  // namespace

TEST_CASE("TurnReader: what is left is told again, then what comes, then the end") {
  for (const Nanoseconds turn : {Nanoseconds(0), Nanoseconds(1ms)}) {
    boost::asio::io_context io;
    const auto reader = std::make_shared<TurnReader>(io, turn);
    Taker all(1000), some(10);
    all.put(5);
    some.put(95);
    reader->add(all.ours.get(), all);
    reader->add(some.ours.get(), some);
    run(io, [&] { return all.taken == 5 && some.taken == 95; });
    all.put(7);
    run(io, [&] { return all.taken == 12; });
    CHECK_FALSE(all.ended);
    some.put(25);
    some.theirs.reset();
    run(io, [&] { return some.closed; });
    CHECK(some.taken == 120);
    reader->remove(some.ours.get(), some);
    reader->remove(all.ours.get(), all);
  }
}

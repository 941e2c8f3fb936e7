// Resolver, Connector, Connection and Backoff against sockets of this process.
#include <doctest/doctest.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio.hpp>
#include <cstdio>
#include <thread>

#include "base/error.h"
#include "net/backoff.h"
#include "net/connection.h"
#include "net/connector.h"
#include "net/resolver.h"
#include "unit/certificate.h"

using namespace stream;
using namespace stream::net;
namespace asio = boost::asio;
using asio::ip::tcp;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;

tcp::endpoint loopback(uint16_t port = 0) {
  return {asio::ip::address_v4::loopback(), port};
}

// Runs `io` until the condition holds.
template <typename Condition>
bool run_until(asio::io_context& io, Condition condition, std::chrono::milliseconds limit = 5s) {
  const auto deadline = Clock::now() + limit;
  while (!condition()) {
    if (Clock::now() > deadline) return false;
    io.restart();
    io.run_for(5ms);
  }
  return true;
}

// Listens and never accepts; its backlog is full, so that further connects get no answer.
struct BlackHole {
  asio::io_context io;
  tcp::acceptor acceptor{io};
  std::vector<tcp::socket> fill;

  BlackHole() {
    acceptor.open(tcp::v4());
    acceptor.bind(loopback());
    acceptor.listen(0);
    for (int i = 0; i < 4; ++i) {
      tcp::socket& socket = fill.emplace_back(io);
      socket.async_connect(acceptor.local_endpoint(), [](const boost::system::error_code&) {});
    }
    io.run_for(50ms);
  }
};

// A TLS server for one connection that echoes what it reads.
class TlsServer {
 public:
  TlsServer(const std::string& host, long days) : key_(make_key()) {
    cert_ = make_certificate(key_.get(), host, days);
    acceptor_.open(tcp::v4());
    acceptor_.bind(loopback());
    acceptor_.listen();
    thread_ = std::thread([this] { serve(); });
  }
  ~TlsServer() {
    boost::system::error_code ignored;
    asio::io_context io;
    tcp::socket(io).connect(acceptor_.local_endpoint(), ignored);  // wakes an accept nobody used
    thread_.join();
    std::remove(ca_.c_str());
  }
  tcp::endpoint endpoint() { return acceptor_.local_endpoint(); }
  std::string ca_file() {
    ca_ = "/tmp/stream-net-test-" + std::to_string(getpid()) + ".pem";
    write_pem(ca_, cert_.get());
    return ca_;
  }

 private:
  void serve() {
    tcp::socket socket(io_);
    boost::system::error_code error;
    acceptor_.accept(socket, error);
    if (error) return;
    const std::unique_ptr<SSL_CTX, FreeTls> context(SSL_CTX_new(TLS_server_method()));
    SSL_CTX_use_certificate(context.get(), cert_.get());
    SSL_CTX_use_PrivateKey(context.get(), key_.get());
    SSL* ssl = SSL_new(context.get());
    SSL_set_fd(ssl, socket.native_handle());
    if (SSL_accept(ssl) == 1) {
      std::vector<char> buffer(4096);
      for (int n; (n = SSL_read(ssl, buffer.data(), 4096)) > 0;) SSL_write(ssl, buffer.data(), n);
      SSL_shutdown(ssl);
    }
    SSL_free(ssl);
  }
  TlsKey key_;
  TlsCertificate cert_;
  asio::io_context io_;
  tcp::acceptor acceptor_{io_};
  std::string ca_;
  std::thread thread_;
};

struct TlsTry {
  asio::io_context io;
  Connection connection;
  Connection::Status status = Connection::Status::kAgain;

  TlsTry(TlsServer& server, const TlsTrust& trust, const std::string& host)
      : connection([&] {
          tcp::socket socket(io);
          socket.connect(server.endpoint());
          return socket;
        }()) {
    connection.start_tls(trust, host);
    run_until(io, [&] {
      status = connection.handshake();
      return status != Connection::Status::kAgain;
    });
  }
};

}  // namespace

TEST_CASE("Resolver") {
  asio::io_context io;
  SUBCASE("numbers need no lookup") {
    Resolver resolver(io, [](const std::string&, uint16_t) -> Resolved { std::abort(); });
    Resolved got;
    resolver.resolve("::1", 80, [&](Resolved result) { got = std::move(result); });
    REQUIRE(run_until(io, [&] { return !got.endpoints.empty(); }));
    CHECK(got.endpoints[0].port() == 80);
  }
  SUBCASE("one that hangs holds up nobody, not even the end") {
    auto release = std::make_shared<std::atomic<bool>>(false);
    auto answered = std::make_shared<std::atomic<int>>(0);
    {
      Resolver resolver(io, [release](const std::string& host, uint16_t port) {
        while (host == "slow" && !*release) std::this_thread::sleep_for(1ms);
        return Resolved{{loopback(port)}, {}};
      });
      resolver.resolve("slow", 1, [answered](Resolved) { *answered += 100; });
      resolver.resolve("fast", 2, [answered](Resolved) { ++*answered; });
      REQUIRE(run_until(io, [&] { return *answered == 1; }));
    }
    *release = true;
    std::this_thread::sleep_for(20ms);
    io.restart();
    io.run_for(20ms);
    CHECK(*answered == 1);
  }
  SUBCASE("a name that does not exist") {
    Resolved got;
    Resolver resolver(io);
    resolver.resolve("no-such-host.invalid", 1, [&](Resolved result) { got = std::move(result); });
    REQUIRE(run_until(
        io, [&] { return !got.error.empty(); }, 20s));
    CHECK(got.endpoints.empty());
  }
}

TEST_CASE("Connector") {
  asio::io_context io;
  tcp::acceptor acceptor(io, loopback());
  std::optional<tcp::socket> socket;
  std::string error;
  bool done = false;
  const auto handler = [&](std::optional<tcp::socket> connected, std::string why) {
    socket = std::move(connected);
    error = std::move(why);
    done = true;
  };
  SUBCASE("a black hole first costs 250 ms") {
    const BlackHole hole;
    const auto begin = Clock::now();
    const auto connector =
        Connector::start(io, {hole.acceptor.local_endpoint(), acceptor.local_endpoint()}, handler);
    REQUIRE(run_until(io, [&] { return done; }));
    CHECK(socket.has_value());
    CHECK(Clock::now() - begin < 1s);
    CHECK(Clock::now() - begin > 200ms);
  }
  SUBCASE("a refusal costs nothing") {
    tcp::acceptor closed(io, loopback());
    const auto endpoint = closed.local_endpoint();
    closed.close();
    const auto begin = Clock::now();
    const auto connector = Connector::start(io, {endpoint, acceptor.local_endpoint()}, handler);
    REQUIRE(run_until(io, [&] { return done; }));
    CHECK(socket.has_value());
    CHECK(Clock::now() - begin < 200ms);
  }
  SUBCASE("all refuse") {
    const auto endpoint = acceptor.local_endpoint();
    acceptor.close();
    const auto connector = Connector::start(io, {endpoint}, handler);
    REQUIRE(run_until(io, [&] { return done; }));
    CHECK_FALSE(socket.has_value());
    CHECK(error == "Connection refused");
  }
  SUBCASE("cancelled, it says nothing") {
    const BlackHole hole;
    const auto connector = Connector::start(io, {hole.acceptor.local_endpoint()}, handler);
    io.run_for(20ms);
    connector->cancel();
    io.restart();
    io.run();
    CHECK_FALSE(done);
  }
  SUBCASE("families alternate") {
    const tcp::endpoint six(asio::ip::address_v6::loopback(), 1), four = loopback(2);
    CHECK(Connector::order({six, six, six, four}) ==
          std::vector<tcp::endpoint>{six, four, six, six});
  }
}

TEST_CASE("Connection: TLS") {
  SUBCASE("a good certificate; what is sent arrives, however it is cut") {
    TlsServer server("DNS:sink.test", 10);
    const TlsTrust trust(server.ca_file());
    TlsTry attempt(server, trust, "sink.test");
    INFO(attempt.connection.error());
    REQUIRE(attempt.status == Connection::Status::kOk);
    std::vector<Buffer> pieces;
    std::vector<uint8_t> sent, got;
    for (const size_t size : {3, 8, 40'000, 1, 1, 5000, 17'000}) {
      const std::vector<uint8_t> bytes(size, static_cast<uint8_t>(size));
      pieces.push_back(Buffer::copy(bytes));
      sent.insert(sent.end(), bytes.begin(), bytes.end());
    }
    size_t written = 0;
    run_until(attempt.io, [&] {
      const auto up = attempt.connection.write(pieces, written);
      if (up.status == Connection::Status::kOk) written += up.bytes;
      std::array<uint8_t, 7000> in;
      const auto down = attempt.connection.read(in);
      if (down.status == Connection::Status::kOk)
        got.insert(got.end(), in.begin(), in.begin() + static_cast<ptrdiff_t>(down.bytes));
      return got.size() >= sent.size();
    });
    CHECK(got == sent);
    REQUIRE(attempt.connection.flow().has_value());
    CHECK(attempt.connection.flow()->acknowledged_bytes > sent.size());
    attempt.connection.shut_down();
  }
  const auto refused = [](const std::string& names, long days, bool trusted,
                          const std::string& host) {
    TlsServer server(names, days);
    const std::string ca = server.ca_file();
    const TlsTrust trust(trusted ? ca : std::string());
    TlsTry attempt(server, trust, host);
    CHECK(attempt.status == Connection::Status::kFailed);
    return attempt.connection.error();
  };
  SUBCASE("self-signed") {
    CHECK(refused("DNS:sink.test", 10, false, "sink.test").find("self-signed") !=
          std::string::npos);
  }
  SUBCASE("expired") {
    CHECK(refused("DNS:sink.test", -1, true, "sink.test").find("expired") != std::string::npos);
  }
  SUBCASE("another host") {
    CHECK(refused("DNS:other.test", 10, true, "sink.test").find("hostname mismatch") !=
          std::string::npos);
  }
  SUBCASE("another address") {
    CHECK(refused("IP:127.0.0.2", 10, true, "127.0.0.1").find("IP address mismatch") !=
          std::string::npos);
  }
  SUBCASE("a CA file that is none") {
    CHECK_THROWS_AS(TlsTrust("/dev/null"), Error);
  }
}

TEST_CASE("Connection: plain") {
  asio::io_context io;
  tcp::acceptor acceptor(io, loopback());
  tcp::socket far(io), near(io);
  near.connect(acceptor.local_endpoint());
  acceptor.accept(far);
  Connection connection(std::move(near));
  std::array<uint8_t, 16> in{};
  CHECK(connection.read(in).status == Connection::Status::kAgain);
  SUBCASE("waits, reads, sees the end") {
    bool readable = false;
    connection.on_readable([&] { readable = true; });
    asio::write(far, asio::buffer("hi", 2));
    REQUIRE(run_until(io, [&] { return readable; }));
    CHECK(connection.read(in).bytes == 2);
    far.close();
    run_until(io, [&] { return connection.read(in).status == Connection::Status::kClosed; });
    CHECK(connection.read(in).status == Connection::Status::kClosed);
  }
  SUBCASE("a full socket says so and counts what is not acknowledged") {
    const std::vector<Buffer> pieces = {Buffer::copy(std::vector<uint8_t>(1 << 20))};
    size_t total = 0;
    for (;;) {
      const auto result = connection.write(pieces, 0);
      if (result.status != Connection::Status::kOk) break;
      total += result.bytes;
    }
    const auto flow = connection.flow();
    REQUIRE(flow.has_value());
    CHECK(flow->acknowledged_bytes + flow->unacknowledged_bytes == total);
    CHECK(flow->unacknowledged_bytes > 0);
    bool writable = false;
    connection.on_writable([&] { writable = true; });
    std::vector<char> sink(total);
    asio::read(far, asio::buffer(sink));
    CHECK(run_until(io, [&] { return writable; }));
  }
}

TEST_CASE("Backoff") {
  Backoff backoff(1s, 60s, 1);
  for (int i = 0; i < 40; ++i) {
    const auto wait = backoff.next();
    CHECK(wait >= 200ms);
    CHECK(wait <= std::min<std::chrono::milliseconds>(60s, 1s * (1 << std::min(i, 10))));
  }
  CHECK(backoff.failures() == 40);
  backoff.reset();
  CHECK(backoff.next() <= 1s);
}

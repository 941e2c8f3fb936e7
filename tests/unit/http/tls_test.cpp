// A server that speaks TLS: what it is asked in it, and who never gets that far.
#include <csignal>
#include <fstream>
#include <map>

#include "http/static_files.h"
#include "unit/certificate.h"
#include "unit/http/support.h"
#include "unit/temp_dir.h"

using namespace stream;
using namespace stream::http;

namespace {

const auto g_pipe_ignored = ::signal(SIGPIPE, SIG_IGN);  // of peers of the test's own

// The certificate of 127.0.0.1 in a directory.
struct Identity {
  Identity() : file(dir / "cert.pem") { renew(); }
  void renew() {
    key = make_key();
    write_pem(file, make_certificate(key.get(), "IP:127.0.0.1", 9).get());
    if (shown) shown->reload();
  }
  net::TlsContexts contexts() {
    if (!shown) shown.emplace(file, [this] { return Secret(pem_of(key.get())); });
    return [this] { return shown->http_context(); };
  }
  TempDir dir;
  const std::string file;
  TlsKey key;
  std::optional<net::TlsIdentity> shown;
};

// A blocking client.
struct Peer {
  explicit Peer(uint16_t port, const std::string& alpn = "", int version = 0)
      : context(SSL_CTX_new(TLS_client_method())), ssl(SSL_new(context.get())), fd(dial(port)) {
    SSL_set_fd(ssl.get(), fd.get());
    if (version) SSL_set_max_proto_version(ssl.get(), version);
    if (!alpn.empty())
      SSL_set_alpn_protos(ssl.get(), reinterpret_cast<const unsigned char*>(alpn.data()),
                          static_cast<unsigned>(alpn.size()));
    connected = SSL_connect(ssl.get()) == 1;
  }
  void say(const std::string& text) {
    SSL_write(ssl.get(), text.data(), static_cast<int>(text.size()));
  }
  // Up to the end; `orderly` by close_notify.
  std::string read_all() {
    std::string text;
    char buffer[65536];
    int n = 0;
    while ((n = SSL_read(ssl.get(), buffer, sizeof buffer)) > 0)
      text.append(buffer, static_cast<size_t>(n));
    orderly = SSL_get_error(ssl.get(), n) == SSL_ERROR_ZERO_RETURN;
    return text;
  }
  std::string read_some() {
    char buffer[65536];
    const int n = SSL_read(ssl.get(), buffer, sizeof buffer);
    return std::string(buffer, n > 0 ? static_cast<size_t>(n) : 0);
  }
  std::string chosen() const {
    const unsigned char* data = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl.get(), &data, &size);
    return std::string(reinterpret_cast<const char*>(data), size);
  }
  std::string print() const {
    const TlsCertificate shown(SSL_get1_peer_certificate(ssl.get()));
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    X509_digest(shown.get(), EVP_sha256(), hash, &size);
    return std::string(reinterpret_cast<const char*>(hash), size);
  }
  std::unique_ptr<SSL_CTX, FreeTls> context;
  std::unique_ptr<SSL, FreeTls> ssl;
  os::Fd fd;
  bool connected = false, orderly = false;
};

// What a client says first.
std::string hello_of_client() {
  const std::unique_ptr<SSL_CTX, FreeTls> context(SSL_CTX_new(TLS_client_method()));
  const std::unique_ptr<SSL, FreeTls> ssl(SSL_new(context.get()));
  BIO* out = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), out);
  SSL_connect(ssl.get());
  char* data = nullptr;
  const long size = BIO_get_mem_data(out, &data);
  return std::string(data, static_cast<size_t>(size));
}

Response about(const Request& request) {
  return text_response(200, request.method + " " + request.path +
                                (request.secure ? " secure [" : " open [") + request.body + "]");
}

constexpr char kOffersBoth[] = "\x02h2\x08http/1.1", kOffersOther[] = "\x02h2";

}  // namespace

TEST_CASE("https: requests, in the versions of TLS and of HTTP that it speaks") {
  Identity identity;
  Running running(about, {}, nullptr, identity.contexts());
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Peer peer(running.port, kOffersBoth, version);
    REQUIRE(peer.connected);
    CHECK(peer.chosen() == "http/1.1");
    // Several in one record, so that one waits in the decoder and not at the socket.
    peer.say("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
    std::string text;
    while (text.find("GET /2 secure []") == std::string::npos) {
      const std::string more = peer.read_some();
      REQUIRE_FALSE(more.empty());
      text += more;
    }
    peer.say(one("GET", "/3"));
    CHECK(peer.read_all().ends_with("GET /3 secure []\n"));
    CHECK(peer.orderly);
  }
  CHECK(Peer(running.port).chosen().empty());
  CHECK_FALSE(Peer(running.port, kOffersOther).connected);
  CHECK_FALSE(Peer(running.port, "", TLS1_1_VERSION).connected);
}

TEST_CASE("https: files, larger than a socket's buffers, whole and in part") {
  const TempDir temp;
  std::string content(5 << 20, 0);
  for (size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 7 + i / 251);
  std::ofstream(temp / "big.m4s") << content;
  const StaticFiles files(temp.path);
  Identity identity;
  Running running([&](const Request& request) { return files.serve(request, request.path); }, {},
                  nullptr, identity.contexts());
  const auto body = [&](const std::string& headers) {
    Peer peer(running.port);
    peer.say(one("GET", "/big.m4s", headers));
    const std::string answer = peer.read_all();
    CHECK(peer.orderly);
    return answer.substr(answer.find("\r\n\r\n") + 4);
  };
  CHECK(body("") == content);
  CHECK(body("Range: bytes=1000000-4000000\r\n") == content.substr(1000000, 3000001));
  CHECK(body("Range: bytes=7-7\r\n") == content.substr(7, 1));
}

TEST_CASE("https: an answer arrives though its request goes on") {
  Identity identity;
  const auto gate = [](const Request&) { return Admit{8, std::nullopt}; };
  Running running(about, {}, gate, identity.contexts());
  const std::string body(600'000, 'x');
  Peer peer(running.port);
  peer.say(one("POST", "/", "Content-Length: " + std::to_string(body.size()) + "\r\n") + body);
  CHECK(peer.read_all().starts_with("HTTP/1.1 413"));
  Peer other(running.port);
  other.say(one("POST", "/", "Content-Length: 2\r\n") + "hi");
  CHECK(other.read_all().ends_with("POST / secure [hi]\n"));
}

TEST_CASE("https: who speaks no TLS is told, or goes") {
  Identity identity;
  Running running(about, {}, nullptr, identity.contexts());
  const std::string answer = ask(running.port, one("GET", "/"));
  CHECK(answer.starts_with("HTTP/1.1 400"));
  CHECK(answer.find("https://") != std::string::npos);
  CHECK(ask(running.port, std::string(2000, '\0')).size() < 10);  // an alert at most
  std::string broken = hello_of_client();
  for (size_t i = 9; i < broken.size(); ++i) broken[i] = static_cast<char>(i * 91);
  CHECK(ask(running.port, broken).size() < 10);
  const std::string hello = hello_of_client();
  for (size_t n = 0; n < hello.size(); ++n) say(dial(running.port), hello.substr(0, n));
  CHECK(Peer(running.port).connected);
}

TEST_CASE("https: slow handshakes delay nobody, and end") {
  Limits limits;
  limits.request_time = std::chrono::milliseconds(1000);
  Identity identity;
  Running running(about, limits, nullptr, identity.contexts());
  const std::string hello = hello_of_client();
  std::vector<os::Fd> slow;
  for (size_t n = 0; n < 40; ++n) {
    slow.push_back(dial(running.port));
    say(slow.back(), hello.substr(0, n * hello.size() / 40));
  }
  while (running.connections() < slow.size()) std::this_thread::yield();
  Peer peer(running.port);
  peer.say(one("GET", "/"));
  CHECK(peer.read_all().starts_with("HTTP/1.1 200"));
  for (const os::Fd& fd : slow) CHECK(read_all(fd).empty());
  while (running.connections() > 0) std::this_thread::yield();
}

TEST_CASE("https: a connection that is not needed any more ends by close_notify") {
  Limits limits;
  Identity identity;
  SUBCASE("after a while") {
    limits.idle_time = std::chrono::milliseconds(50);
  }
  SUBCASE("when the server closes") {}
  Running running(about, limits, nullptr, identity.contexts());
  Peer peer(running.port);
  peer.say("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(peer.read_some().starts_with("HTTP/1.1 200"));
  if (limits.idle_time > std::chrono::seconds(1)) running.run([&] { running.server.close(); });
  CHECK(peer.read_all().empty());
  CHECK(peer.orderly);
  peer.fd.reset();
  while (running.connections() > 0) std::this_thread::yield();
}

TEST_CASE("https: the server closes while one shakes hands and one takes nothing") {
  const TempDir temp;
  std::ofstream(temp / "big.m4s") << std::string(64 << 20, 'x');
  const StaticFiles files(temp.path);
  Limits limits;
  limits.stall_time = std::chrono::milliseconds(300);
  Identity identity;
  Running running([&](const Request& request) { return files.serve(request, request.path); },
                  limits, nullptr, identity.contexts());
  const os::Fd slow = dial(running.port);
  say(slow, hello_of_client().substr(0, 50));
  Peer peer(running.port);
  peer.say(one("GET", "/big.m4s"));
  while (running.connections() < 2) std::this_thread::yield();
  running.run([&] { running.server.close(); });
  CHECK(read_all(slow).empty());
  while (running.connections() > 0) std::this_thread::yield();
}

TEST_CASE("https: a new certificate is for new connections; what is open goes on") {
  Identity identity;
  Running running(about, {}, nullptr, identity.contexts());
  Peer before(running.port);
  before.say("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(before.read_some().starts_with("HTTP/1.1 200"));
  running.run([&] { identity.renew(); });
  Peer after(running.port);
  CHECK(before.print() != after.print());
  before.say(one("GET", "/2"));
  CHECK(before.read_all().ends_with("GET /2 secure []\n"));
}

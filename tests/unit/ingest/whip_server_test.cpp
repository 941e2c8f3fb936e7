// The HTTP side of WHIP: who gets which answer. Media is in tests/cli/ingest_whip.bats.
#include "ingest/whip_server.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "os/fd.h"

using namespace stream;
using namespace stream::media;

namespace {

// As browsers write it, without what does not matter here.
constexpr char kOffer[] =
    "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n"
    "a=msid-semantic: WMS *\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\n"
    "a=ice-pwd:0123456789abcdefghijklmn\r\n"
    "a=fingerprint:sha-256 "
    "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:"
    "1F"
    "\r\na=setup:actpass\r\na=mid:0\r\na=sendonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\n"
    "a=ice-pwd:0123456789abcdefghijklmn\r\n"
    "a=fingerprint:sha-256 "
    "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:"
    "1F"
    "\r\na=setup:actpass\r\na=mid:1\r\na=sendonly\r\na=rtcp-mux\r\na=rtpmap:96 H264/90000\r\n"
    "a=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n"
    "a=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n";

PublisherAdmission answer(const PublishAttempt& attempt) {
  using Refusal = PublisherAdmission::Refusal;
  PublisherAdmission admission;
  admission.stream = attempt.stream;
  const std::string_view key = attempt.keys.empty() ? "" : attempt.keys.front().reveal();
  admission.refusal = key == "right" || key == "later" ? Refusal::kNone
                      : key == "live"                  ? Refusal::kConflict
                      : key == "other"                 ? Refusal::kStream
                      : key == "nobody"                ? Refusal::kUnavailable
                                                       : Refusal::kKey;
  if (!admission.ok()) admission.description = "no \"entry\"";
  return admission;
}

struct Running {
  Running()
      : port(std::make_shared<webrtc::Port>(io, [] {
          webrtc::Port::Options options;
          options.host = "127.0.0.1";
          options.port = 0;
          options.advertised = {"192.0.2.7"};
          return options;
        }())) {
    WhipServer::Options options;
    options.host = "127.0.0.1";
    options.port = 0;
    options.connections = 4;
    options.ice = {{"stun:stun.example.net", "turn:turn.example.net"}, Secret("me:word"), {}};
    PublisherHooks hooks;
    hooks.check = [this](const PublishAttempt& attempt, PublisherHooks::Answered answered) {
      ++asked;
      if (attempt.keys.empty() || attempt.keys.front().reveal() != "later")
        return answered(answer(attempt));
      boost::asio::post(io, [attempt, answered] { answered(answer(attempt)); });
    };
    hooks.publish = [](const PublishAttempt&, PublisherAdmission admission) { return admission; };
    server.emplace(io, port, std::move(options), std::move(hooks));
    const std::string address = server->address();
    http = static_cast<uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
    thread = std::thread([this] { io.run(); });
  }
  ~Running() {
    boost::asio::post(io, [this] {
      server->stop();
      port->stop();
    });
    io.stop();
    thread.join();
  }
  boost::asio::io_context io{1};
  std::shared_ptr<webrtc::Port> port;
  std::optional<WhipServer> server;
  std::atomic<int> asked = 0;
  uint16_t http = 0;
  std::thread thread;
};

std::string ask(uint16_t port, const std::string& method, const std::string& target,
                const std::string& headers, const std::string& body = "") {
  const os::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  const std::string text = method + " " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" +
                           headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                           body;
  os::write_all(fd.get(), Bytes{reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  std::string answer;
  char buffer[65536];
  for (ssize_t n; (n = ::read(fd.get(), buffer, sizeof buffer)) > 0;)
    answer.append(buffer, static_cast<size_t>(n));
  return answer;
}

std::string bearer(const std::string& key) {
  return "Authorization: Bearer " + key + "\r\n";
}
constexpr char kSdp[] = "Content-Type: application/sdp\r\n";
constexpr char kFragment[] = "Content-Type: application/trickle-ice-sdpfrag\r\n";

std::string field(const std::string& answer, const std::string& name) {
  const size_t at = answer.find("\r\n" + name + ": ");
  if (at == std::string::npos) return {};
  const size_t from = at + name.size() + 4;
  return answer.substr(from, answer.find("\r\n", from) - from);
}

std::string fragment(const std::string& ufrag) {
  return "a=ice-ufrag:" + ufrag +
         "\r\na=ice-pwd:0123456789abcdefghijklmn\r\nm=audio 9 RTP/AVP 0\r\n"
         "a=mid:0\r\na=candidate:1 1 udp 2130706431 192.0.2.1 50000 typ host\r\n"
         "a=end-of-candidates\r\n";
}

}  // namespace

TEST_CASE("whip: refusals by the header alone") {
  Running running;
  const auto status = [&](const std::string& method, const std::string& target,
                          const std::string& headers, const std::string& body = "") {
    return ask(running.http, method, target, headers, body).substr(9, 3);
  };
  CHECK(status("POST", "/demo/whip", "Content-Type: text/plain\r\n" + bearer("right"), "x") ==
        "415");
  CHECK(status("POST", "/demo/else", kSdp + bearer("right"), "x") == "404");
  CHECK(status("POST", "/De mo/whip", kSdp, "x") == "400");
  CHECK(status("POST", "/.x/whip", kSdp, "x") == "404");
  CHECK(status("PUT", "/demo/whip", kSdp, "x") == "405");
  CHECK(status("PATCH", "/demo/whip", kSdp, "x") == "405");
  CHECK(status("DELETE", "/demo/whip/unknown", "") == "404");
  CHECK(status("PATCH", "/demo/whip/unknown", kFragment, "x") == "404");
  CHECK(status("POST", "/demo/whip", kSdp + bearer("right"), std::string(70'000, 'x')) == "413");
  CHECK(status("GET", "/demo/whip", "") == "204");
  CHECK(running.asked == 0);
  const std::string options = ask(running.http, "OPTIONS", "/demo/whip", "");
  CHECK(options.starts_with("HTTP/1.1 200"));
  CHECK(field(options, "Accept-Post") == "application/sdp");
  CHECK(field(options, "Access-Control-Allow-Methods") == "POST, OPTIONS");
  CHECK(field(options, "Access-Control-Allow-Headers").find("If-Match") != std::string::npos);
  CHECK(field(options, "Access-Control-Expose-Headers").find("Location") != std::string::npos);
  // Clients that ask are told of STUN, browsers' preflights of nothing, neither of logins.
  CHECK(field(options, "Link") == "<stun:stun.example.net>; rel=\"ice-server\"");
  CHECK(options.find("turn.example.net") == std::string::npos);
  const std::string preflight =
      ask(running.http, "OPTIONS", "/demo/whip", "Access-Control-Request-Method: POST\r\n");
  CHECK(preflight.starts_with("HTTP/1.1 200"));
  CHECK(field(preflight, "Link").empty());
}

TEST_CASE("whip: refusals of the publisher and of the offer") {
  Running running;
  const auto post = [&](const std::string& key, const std::string& offer) {
    return ask(running.http, "POST", "/demo/whip", kSdp + (key.empty() ? "" : bearer(key)), offer);
  };
  const std::string unknown = post("wrong", kOffer);
  CHECK(unknown.starts_with("HTTP/1.1 401"));
  CHECK(field(unknown, "WWW-Authenticate") == "Bearer");
  CHECK(field(unknown, "Content-Type") == "application/problem+json");
  CHECK(unknown.find("wrong") == std::string::npos);
  CHECK(post("", kOffer).find("a key is missing") != std::string::npos);
  CHECK(post("other", kOffer).starts_with("HTTP/1.1 403"));
  CHECK(post("live", kOffer).starts_with("HTTP/1.1 409"));
  const std::string unavailable = post("nobody", kOffer);
  CHECK(unavailable.starts_with("HTTP/1.1 503"));
  CHECK(field(unavailable, "Retry-After") == "5");
  CHECK(post("right", "garbage").starts_with("HTTP/1.1 400"));
  std::string viewer = kOffer;
  for (size_t at; (at = viewer.find("a=sendonly")) != std::string::npos;)
    viewer.replace(at, 10, "a=recvonly");
  CHECK(post("right", viewer).starts_with("HTTP/1.1 422"));
  const std::string text = kOffer;
  for (size_t n = 0; n < text.size(); n += 37)
    CHECK(post("right", text.substr(0, n)).starts_with("HTTP/1.1 "));
}

TEST_CASE("whip: a session and its resource") {
  Running running;
  for (const char* key : {"right", "later"}) {
    const std::string made = ask(running.http, "POST", "/demo/whip", kSdp + bearer(key), kOffer);
    REQUIRE(made.starts_with("HTTP/1.1 201"));
    CHECK(field(made, "Content-Type") == "application/sdp");
    CHECK(made.find("\r\n\r\nv=0\r\n") != std::string::npos);
    CHECK(made.find("a=ice-lite\r\n") != std::string::npos);
    CHECK(made.find(" 192.0.2.7 ") != std::string::npos);
    const std::string url = field(made, "Location"), tag = field(made, "ETag");
    CHECK(url.starts_with("/demo/whip/"));
    CHECK(made.find("\r\nLink: <turn:turn.example.net>; rel=\"ice-server\"; username=\"me\"; "
                    "credential=\"word\"; ") != std::string::npos);
    CHECK(url.size() > 11 + 22);
    const std::string match = "If-Match: " + tag + "\r\n";
    const auto patch = [&](const std::string& headers, const std::string& body) {
      return ask(running.http, "PATCH", url, kFragment + headers, body);
    };
    CHECK(patch("", fragment("abcd")).starts_with("HTTP/1.1 428"));
    CHECK(patch("If-Match: \"x\"\r\n", fragment("abcd")).starts_with("HTTP/1.1 412"));
    CHECK(patch(match, fragment("abcd")).starts_with("HTTP/1.1 204"));
    CHECK(patch(match, "x").starts_with("HTTP/1.1 400"));
    const std::string restarted = patch("If-Match: *\r\n", fragment("efgh"));
    REQUIRE(restarted.starts_with("HTTP/1.1 200"));
    CHECK(field(restarted, "ETag") != tag);
    CHECK(restarted.find("a=ice-ufrag:") != std::string::npos);
    CHECK(patch(match, fragment("efgh")).starts_with("HTTP/1.1 412"));
    CHECK(ask(running.http, "DELETE", "/another" + url.substr(5), "").starts_with("HTTP/1.1 404"));
    CHECK(ask(running.http, "DELETE", url, "").starts_with("HTTP/1.1 200"));
    CHECK(ask(running.http, "DELETE", url, "").starts_with("HTTP/1.1 404"));
    CHECK(patch(match, fragment("abcd")).starts_with("HTTP/1.1 404"));
  }
}

TEST_CASE("whip: no more sessions than allowed") {
  Running running;
  std::string last;
  for (int i = 0; i < 5; ++i)
    last = ask(running.http, "POST", "/demo/whip", kSdp + bearer("right"), kOffer);
  CHECK(last.starts_with("HTTP/1.1 503"));
  CHECK(field(last, "Retry-After") == "30");
}

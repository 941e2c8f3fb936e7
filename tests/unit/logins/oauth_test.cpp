#include "logins/oauth.h"

#include <doctest/doctest.h>

#include "logins/login.h"
#include "logins/platform.h"

using namespace stream;
using namespace stream::logins;

namespace {

Outcome outcome(int status, std::string_view body) {
  return read_token_answer(status, body).outcome;
}

}  // namespace

TEST_CASE("read_token_answer") {
  SUBCASE("tokens") {
    const auto answer = read_token_answer(
        200, R"({"access_token":"a","refresh_token":"r","expires_in":3600,"token_type":"bearer"})");
    CHECK(answer.outcome == Outcome::kOk);
    CHECK(answer.access.reveal() == "a");
    CHECK(answer.refresh.reveal() == "r");
    CHECK(answer.expires_in == 3600);
  }
  SUBCASE("what each platform says while the user has not answered") {
    CHECK(outcome(428, R"({"error":"authorization_pending"})") == Outcome::kPending);
    CHECK(outcome(400, R"({"status":400,"message":"authorization_pending"})") == Outcome::kPending);
    CHECK(outcome(400, R"({"error":{"code":31,"error_subcode":1349174}})") == Outcome::kPending);
    CHECK(outcome(403, R"({"error":"slow_down"})") == Outcome::kSlowDown);
    CHECK(outcome(400, R"({"error":{"error_subcode":1349172}})") == Outcome::kSlowDown);
  }
  SUBCASE("final words") {
    CHECK(outcome(403, R"({"error":"access_denied"})") == Outcome::kDenied);
    CHECK(outcome(400, R"({"error":"expired_token"})") == Outcome::kExpired);
    CHECK(outcome(400, R"({"status":400,"message":"invalid device code"})") == Outcome::kExpired);
    CHECK(outcome(400, R"({"error":"invalid_grant"})") == Outcome::kInvalid);
    CHECK(outcome(400, R"({"error":"Bad Request","message":"Invalid refresh token"})") ==
          Outcome::kInvalid);
    CHECK(outcome(401, R"({"error":"invalid_client"})") == Outcome::kDenied);
  }
  SUBCASE("outages and garbage are never final") {
    CHECK(outcome(0, "") == Outcome::kTemporary);
    for (int status : {200, 429, 500, 502, 503})
      for (const char* body :
           {"", "{}", "[]", "<html>", R"({"access_token":7})", R"({"access_token":""})",
            R"({"access_token":"a","access_token":"b"})"})
        CHECK(outcome(status, body) == Outcome::kTemporary);
    CHECK(outcome(400, "<html>") == Outcome::kTemporary);
  }
  SUBCASE("every prefix of an answer is not a token") {
    const std::string whole = R"({"access_token":"a","expires_in":3600})";
    for (size_t size = 0; size < whole.size(); ++size)
      CHECK(outcome(200, std::string_view(whole).substr(0, size)) == Outcome::kTemporary);
  }
  SUBCASE("the issuer's words are escaped") {
    CHECK(read_token_answer(400, "{\"error\":\"\\u001b[31m\"}").reason.find('\x1b') ==
          std::string::npos);
  }
}

TEST_CASE("read_device_answer: three spellings") {
  const auto google = read_device_answer(
      200, R"({"device_code":"d","user_code":"U","verification_url":"https://g","interval":7})");
  CHECK(google.ok);
  CHECK(google.interval == 7);
  CHECK(google.verification_uri == "https://g");
  CHECK(
      read_device_answer(200, R"({"code":"d","user_code":"U","verification_uri":"https://f"})").ok);
  CHECK_FALSE(read_device_answer(200, R"({"device_code":"d"})").ok);
  CHECK_FALSE(read_device_answer(400, R"({"error":"invalid_client"})").ok);
  const auto wild = read_device_answer(
      200,
      R"({"device_code":"d","user_code":"U","verification_uri":"u","interval":-5,"expires_in":1e15})");
  CHECK(wild.interval == 0);
  CHECK(wild.expires_in == 3600);
}

TEST_CASE("PKCE: the example of RFC 7636 appendix B") {
  CHECK(pkce_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") ==
        "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
  const Pkce one = make_pkce(), other = make_pkce();
  CHECK(one.verifier.reveal().size() == 43);
  CHECK_FALSE(one.verifier == other.verifier);
}

TEST_CASE("read_redirect") {
  CHECK(read_redirect("GET /?state=s&code=a%2Fb HTTP/1.1", "s").code.reveal() == "a/b");
  CHECK(read_redirect("http://127.0.0.1:1/?code=c&state=s#x", "s").code.reveal() == "c");
  CHECK(read_redirect("GET /?code=c&state=t HTTP/1.1", "s").code.empty());
  CHECK(read_redirect("GET /?code=c HTTP/1.1", "s").code.empty());
  CHECK(read_redirect("GET /?code=c&state= HTTP/1.1", "").code.empty());
  CHECK(read_redirect("GET / HTTP/1.1", "s").code.empty());
  const Redirect denied = read_redirect("GET /?error=access_denied&state=s&code=c HTTP/1.1", "s");
  CHECK(denied.error == "access_denied");
  CHECK(denied.code.empty());
  CHECK(read_redirect("GET /?error=access_denied&state=t HTTP/1.1", "s").error.empty());
}

TEST_CASE("Login: due at 80 % of its life") {
  Login login;
  CHECK_FALSE(login.is_due(1'000'000));
  login.issued = 1000;
  login.expires = 11'000;
  CHECK_FALSE(login.is_due(8999));
  CHECK(login.is_due(9000));
  CHECK_FALSE(login.is_expired(10'999));
  CHECK(login.is_expired(11'000));
}

TEST_CASE("at_root") {
  CHECK(at_root("https://a.example/x/y", "") == "https://a.example/x/y");
  CHECK(at_root("https://a.example/x/y", "http://127.0.0.1:1") == "http://127.0.0.1:1/x/y");
  CHECK(at_root("https://a.example", "http://127.0.0.1:1") == "http://127.0.0.1:1");
}

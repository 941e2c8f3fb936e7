#include "keys/livekit.h"

#include <doctest/doctest.h>

#include "crypto/encoding.h"
#include "crypto/jwt.h"

using namespace stream;
using namespace stream::keys;
using std::chrono::seconds;
using std::chrono::sys_seconds;

namespace {

std::string signed_by_us(const LiveKitGrants& grants, int64_t now, seconds life) {
  const crypto::SigningKey key{
      crypto::JwtAlgorithm::kHs256,
      crypto::LockedBytes::copy(crypto::bytes_of("secret-of-at-least-32-characters!")),
      {}};
  return sign_jwt(livekit_claims(grants, "devkey", sys_seconds(seconds(now)), life), key);
}

}  // namespace

// The expected tokens are what auth.AccessToken of github.com/livekit/protocol made (2026-08).
TEST_CASE("livekit_claims: the very bytes of LiveKit's own library") {
  SUBCASE("a participant with everything") {
    LiveKitGrants g;
    g.identity = "anna <a&b>";
    g.name = "Anna \xC3\x84";
    g.metadata = R"({"seat":1})";
    g.attributes = {{"b", "2"}, {"a", "1"}};
    g.room = "room/1";
    g.room_join = g.room_admin = g.hidden = true;
    g.can_publish = false;
    g.can_subscribe = g.can_update_own_metadata = true;
    g.can_publish_sources = {"camera", "microphone"};
    CHECK(signed_by_us(g, 1795173976, seconds(7200)) ==
          "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJkZXZrZXkiLCJzdWIiOiJhbm5hIFx1MDA"
          "zY2FcdTAwMjZiXHUwMDNlIiwiZXhwIjoxNzk1MTgxMTc2LCJuYmYiOjE3OTUxNzM5NzYsImlhdCI6MTc"
          "5NTE3Mzk3NiwiaWRlbnRpdHkiOiJhbm5hIFx1MDAzY2FcdTAwMjZiXHUwMDNlIiwibmFtZSI6IkFubmE"
          "gw4QiLCJ2aWRlbyI6eyJyb29tQWRtaW4iOnRydWUsInJvb21Kb2luIjp0cnVlLCJyb29tIjoicm9vbS8"
          "xIiwiY2FuUHVibGlzaCI6ZmFsc2UsImNhblN1YnNjcmliZSI6dHJ1ZSwiY2FuUHVibGlzaFNvdXJjZXM"
          "iOlsiY2FtZXJhIiwibWljcm9waG9uZSJdLCJjYW5VcGRhdGVPd25NZXRhZGF0YSI6dHJ1ZSwiaGlkZGV"
          "uIjp0cnVlfSwibWV0YWRhdGEiOiJ7XCJzZWF0XCI6MX0iLCJhdHRyaWJ1dGVzIjp7ImEiOiIxIiwiYiI"
          "6IjIifX0.98G9uIP4Ul7LJ5tcCCJTzCqC2XRHHKxylNNA_0iafLo");
  }
  SUBCASE("an API client") {
    LiveKitGrants g;
    g.room_create = g.room_list = g.room_record = g.ingress_admin = true;
    CHECK(signed_by_us(g, 1795173976, seconds(21600)) ==
          "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJkZXZrZXkiLCJleHAiOjE3OTUxOTU1NzY"
          "sIm5iZiI6MTc5NTE3Mzk3NiwiaWF0IjoxNzk1MTczOTc2LCJ2aWRlbyI6eyJyb29tQ3JlYXRlIjp0cnV"
          "lLCJyb29tTGlzdCI6dHJ1ZSwicm9vbVJlY29yZCI6dHJ1ZSwiaW5ncmVzc0FkbWluIjp0cnVlfX0.qNN"
          "eRjgShTZcpEyXG68wUn_xtvi_D_kf93FpgF4s_VE");
  }
  SUBCASE("absent is not false") {
    LiveKitGrants g;
    g.identity = "guest";
    g.room = "r";
    g.room_join = true;
    CHECK(signed_by_us(g, 1795173976, seconds(21600)) ==
          "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJkZXZrZXkiLCJzdWIiOiJndWVzdCIsImV"
          "4cCI6MTc5NTE5NTU3NiwibmJmIjoxNzk1MTczOTc2LCJpYXQiOjE3OTUxNzM5NzYsImlkZW50aXR5Ijo"
          "iZ3Vlc3QiLCJ2aWRlbyI6eyJyb29tSm9pbiI6dHJ1ZSwicm9vbSI6InIifX0.noJiXfWYVR3RuB0K5xl"
          "IluOwqQJDIVrrRQYdrZqMLkI");
    g.can_publish = false;
    CHECK(livekit_claims(g, "k", {}, {})["video"].dump() ==
          R"({"roomJoin":true,"room":"r","canPublish":false})");
  }
}

TEST_CASE("apply_role") {
  for (const Role& role : roles()) {
    LiveKitGrants g;
    CHECK(apply_role(role.name, g));
    CHECK(g.room_join);
    CHECK(g.can_subscribe == true);
    CHECK_FALSE(g.room_create);
    CHECK(g.room_admin == (std::string(role.name) != "guest"));
  }
  LiveKitGrants g;
  CHECK_FALSE(apply_role("king", g));
}

TEST_CASE("public_jwk: RFC 8037 A.2 and A.3") {
  const std::string x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
  CHECK(jwk_thumbprint(x) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
  CHECK(public_jwk(x)["x"] == x);
}

TEST_CASE("viewer_claims: a token for one stream opens no other") {
  auto claims = viewer_claims({"demo"}, "anna", sys_seconds(seconds(100)), seconds(60));
  CHECK(claims.dump() ==
        R"({"iss":"stream-keys","sub":"anna","aud":"view:demo","exp":160,"nbf":100,"iat":100})");
  claims = viewer_claims({"church", "hall"}, "", sys_seconds(seconds(100)), seconds(60));
  CHECK(claims["aud"].dump() == R"(["view:church","view:hall"])");
}

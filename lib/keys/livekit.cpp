#include "keys/livekit.h"

#include "crypto/encoding.h"
#include "crypto/hash.h"

namespace stream::keys {
namespace {

using Json = nlohmann::ordered_json;

void add(Json& object, const char* name, bool value) {
  if (value) object[name] = true;
}
void add(Json& object, const char* name, const std::string& value) {
  if (!value.empty()) object[name] = value;
}
void add(Json& object, const char* name, const std::optional<bool>& value) {
  if (value) object[name] = *value;
}

// In the order of LiveKit's VideoGrant.
Json video_grant(const LiveKitGrants& grants) {
  Json video = Json::object();
  add(video, "roomCreate", grants.room_create);
  add(video, "roomList", grants.room_list);
  add(video, "roomRecord", grants.room_record);
  add(video, "roomAdmin", grants.room_admin);
  add(video, "roomJoin", grants.room_join);
  add(video, "room", grants.room);
  add(video, "canPublish", grants.can_publish);
  add(video, "canSubscribe", grants.can_subscribe);
  add(video, "canPublishData", grants.can_publish_data);
  if (!grants.can_publish_sources.empty()) video["canPublishSources"] = grants.can_publish_sources;
  add(video, "canUpdateOwnMetadata", grants.can_update_own_metadata);
  add(video, "ingressAdmin", grants.ingress_admin);
  add(video, "hidden", grants.hidden);
  add(video, "recorder", grants.recorder);
  add(video, "agent", grants.agent);
  add(video, "canSubscribeMetrics", grants.can_subscribe_metrics);
  add(video, "destinationRoom", grants.destination_room);
  return video;
}

}  // namespace

Json livekit_claims(const LiveKitGrants& grants, const std::string& api_key,
                    std::chrono::sys_seconds now, std::chrono::seconds life) {
  Json claims = Json::object();
  claims["iss"] = api_key;
  add(claims, "sub", grants.identity);
  claims["exp"] = (now + life).time_since_epoch().count();
  claims["nbf"] = now.time_since_epoch().count();
  claims["iat"] = now.time_since_epoch().count();
  add(claims, "identity", grants.identity);
  add(claims, "name", grants.name);
  add(claims, "kind", grants.kind);
  claims["video"] = video_grant(grants);
  add(claims, "metadata", grants.metadata);
  if (!grants.attributes.empty()) claims["attributes"] = grants.attributes;
  return claims;
}

const std::vector<Role>& roles() {
  static const std::vector<Role> all = {
      {"host", "runs the room: admits, mutes, removes, publishes everything"},
      {"moderator", "keeps order: mutes and removes, speaks, shows no picture"},
      {"guest", "takes part: publishes camera and microphone, shares no screen"},
  };
  return all;
}

bool apply_role(const std::string& role, LiveKitGrants& grants) {
  grants.room_join = true;
  grants.can_subscribe = grants.can_publish = grants.can_publish_data = true;
  grants.can_update_own_metadata = role != "guest";
  grants.room_admin = role != "guest";
  if (role == "host") return true;
  if (role == "moderator") return grants.can_publish_sources = {"microphone"}, true;
  if (role == "guest") return grants.can_publish_sources = {"camera", "microphone"}, true;
  return false;
}

std::string viewer_audience(const std::string& stream) {
  return "view:" + stream;
}

Json viewer_claims(const std::vector<std::string>& streams, const std::string& user,
                   std::chrono::sys_seconds now, std::chrono::seconds life) {
  Json claims = {{"iss", "stream-keys"}};
  add(claims, "sub", user);
  Json audience = Json::array();
  for (const std::string& stream : streams) audience.push_back(viewer_audience(stream));
  claims["aud"] = streams.size() == 1 ? audience.front() : audience;
  claims["exp"] = (now + life).time_since_epoch().count();
  claims["nbf"] = now.time_since_epoch().count();
  claims["iat"] = now.time_since_epoch().count();
  return claims;
}

std::string jwk_thumbprint(const std::string& x) {
  const std::string canonical = Json{{"crv", "Ed25519"}, {"kty", "OKP"}, {"x", x}}.dump();
  return crypto::base64url(crypto::sha256(crypto::bytes_of(canonical)));
}

Json public_jwk(const std::string& x) {
  return {{"kty", "OKP"},   {"crv", "Ed25519"}, {"x", x},
          {"alg", "EdDSA"}, {"use", "sig"},     {"kid", jwk_thumbprint(x)}};
}

}  // namespace stream::keys

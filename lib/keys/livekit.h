// LiveKit's access tokens as claims: names and order of its own library, so that the same grants
// give the same bytes. No key and no clock in here.
#pragma once
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace stream::keys {

// What a participant may do in one room, and an API client on the server. Absent and false differ
// where the type is optional: absent means allowed for publish, subscribe and data.
struct LiveKitGrants {
  std::string identity, name, kind, metadata;
  std::map<std::string, std::string> attributes;
  std::string room, destination_room;
  bool room_create = false, room_list = false, room_record = false, room_admin = false;
  bool room_join = false, ingress_admin = false, hidden = false, recorder = false, agent = false;
  std::optional<bool> can_publish, can_subscribe, can_publish_data, can_update_own_metadata;
  std::optional<bool> can_subscribe_metrics;
  std::vector<std::string> can_publish_sources;
};

nlohmann::ordered_json livekit_claims(const LiveKitGrants& grants, const std::string& api_key,
                                      std::chrono::sys_seconds now, std::chrono::seconds life);

// Presets of grants for invitations: "host", "moderator", "guest". `what` is for people.
struct Role {
  const char* name;
  const char* what;
};
const std::vector<Role>& roles();
// Applies a role's grants; false when there is no such role.
bool apply_role(const std::string& role, LiveKitGrants& grants);

// A viewer's claims: who may watch `streams`. The audience is "view:STREAM" of each, so that a
// token for one stream opens no other.
std::string viewer_audience(const std::string& stream);
nlohmann::ordered_json viewer_claims(const std::vector<std::string>& streams,
                                     const std::string& user, std::chrono::sys_seconds now,
                                     std::chrono::seconds life);

// An Ed25519 public key as JSON Web Key (RFC 8037), with its thumbprint (RFC 7638) as "kid".
nlohmann::ordered_json public_jwk(const std::string& x);
std::string jwk_thumbprint(const std::string& x);

}  // namespace stream::keys

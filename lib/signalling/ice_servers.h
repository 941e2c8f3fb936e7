// STUN and TURN servers that peers are told of by Link headers (RFC 9725 4.6), with what opens the
// TURN servers: one name and password for all, or such that are good for a day, made of a secret
// that we share with the servers (draft-uberti-behave-turn-rest-00, coturn's use-auth-secret).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/secret.h"

namespace stream::signalling {

class IceServers {
 public:
  IceServers() = default;
  // `uris`: of RFC 7064 and RFC 7065. `login`: "NAME:PASSWORD"; it or `shared` where there is a
  // TURN server. Throws Error kUsage "ice.server" and "ice.login".
  IceServers(const std::vector<std::string>& uris, Secret login, Secret shared);

  // Values of Link, one a header. Only who was let in gets those of TURN.
  std::vector<std::string> links(bool let_in, int64_t unix_seconds) const;

 private:
  struct Login {
    std::string name, password;
  };
  Login login_at(int64_t unix_seconds) const;

  std::vector<std::string> stun_, turn_;
  Secret login_, shared_;
};

}  // namespace stream::signalling

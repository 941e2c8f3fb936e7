#include "cli/ice_bundle.h"

namespace stream::cli {

void IceBundle::declare(Command& command, const std::string& peers) {
  command.option("--ice-server", servers, "URI",
                 "tell " + peers +
                     " of a STUN or TURN server, for those that UDP does not reach directly: "
                     "stun:HOST:PORT, turn:HOST:PORT?transport=tcp, turns:HOST; repeat for each");
  command.option("--turn-login", login, "SOURCE", "NAME:PASSWORD of the TURN servers");
  command.option("--turn-secret", shared, "SOURCE",
                 "the secret that the TURN servers know too (coturn: static-auth-secret): " +
                     peers + " get a name and a password that are good for a day");
}

}  // namespace stream::cli

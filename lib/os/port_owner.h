// Who listens on a TCP port of this machine: for the error "port in use".
#pragma once
#include <cstdint>
#include <string>

namespace stream::os {

// "process 1234 (nginx)", as far as this user may see it; "another process" otherwise.
std::string describe_port_owner(uint16_t port);

}  // namespace stream::os

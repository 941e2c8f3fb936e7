// Asks a running `stream-keys agent` for the root key of a vault. One question per connection:
// "SKA1", the vault's salt (16 bytes); the answer is one byte (1: here it is, 0: not mine) and,
// after a 1, 32 bytes. Only the same user and root are answered.
#pragma once
#include <optional>
#include <string>

#include "vault/format.h"

namespace stream::vault {

inline constexpr std::string_view kAgentMagic = "SKA1";
inline constexpr size_t kAgentQuestion = 4 + crypto::kPasswordSalt;

// RUNTIME/vault-agent.sock
std::string agent_path();
// nullopt when no agent runs, it has another vault's key, or it does not answer within 2 s.
std::optional<crypto::LockedBytes> ask_agent(const Header& header);

}  // namespace stream::vault

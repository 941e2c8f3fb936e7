// What the verbs about ingest keys share.
#pragma once
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "keys/key_store.h"

namespace stream::tools {

cli::Command list_command();
cli::Command show_command();
cli::Command verify_command();

// A key as people may see it; "state" is active, expired or revoked.
nlohmann::ordered_json key_json(const keys::Key& key, int64_t now);
const char* state_of(const keys::Key& key, int64_t now);

}  // namespace stream::tools

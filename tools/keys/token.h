// What the verbs about tokens share.
#pragma once
#include <chrono>
#include <string>

#include "base/units.h"
#include "verbs.h"

namespace stream::tools {

cli::Command livekit_command();

std::chrono::sys_seconds now_seconds();
// Throws Error kUsage "token.expires" for less than a second and more than a year.
std::chrono::seconds token_life(Duration expires);
void print_token(const cli::Context& context, const std::string& token, std::chrono::seconds life);

}  // namespace stream::tools

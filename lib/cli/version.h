// --version: name and version on the first line, what it was built with after it.
#pragma once
#include <string>

#include "cli/command.h"

namespace stream::cli {

std::string version_number();  // "0.1.0"
std::string version_text(const Command& root, bool json);

}  // namespace stream::cli

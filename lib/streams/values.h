// The value of one key of a stream file, by its kind.
#pragma once
#include <string>

#include "config/node.h"
#include "streams/file.h"

namespace stream::streams {

// As the program gets it, with absolute paths. Throws Error kConfig "config.invalid" with the
// position for what is not of the key's kind, or none of its choices.
std::string read_value(const config::Node& node, const Key& key, const std::string& directory);

}  // namespace stream::streams

// Whether a place could be written, for those who only say what they would do. Makes nothing.
#pragma once
#include <string>

namespace stream::os {

// Passes when `directory` can be written, or made. Throws the Error that making it would, with
// `hint`.
void check_writable(const std::string& directory, const std::string& hint);

}  // namespace stream::os

// Standard error is somebody's pipe, and may be one that nobody reads any more: then it must hold
// up no media.
#pragma once
#include <chrono>

namespace stream {

// Whether it takes a line without blocking, at the latest after `patience`.
bool stderr_has_room(std::chrono::milliseconds patience);

}  // namespace stream

// What the verbs that end streams leave to the verb "archive".
#pragma once
#include <string>

namespace stream::ctl {

// Starts it for a stream that has just ended, where nothing waits for it: what the stream left goes
// to its archive, however long that takes.
void leave_archive(const std::string& name) noexcept;

}  // namespace stream::ctl

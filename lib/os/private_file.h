// Files that only their owner may read. What others can read, or could have put there, is refused
// with the fix; nothing is repaired silently.
#pragma once
#include <string>

#include "os/fd.h"

namespace stream::os {

// Opened for reading: a regular file, not a symbolic link, of this user (or of root), closed to
// group and others, in a directory that no other user may write to. Throws Error kNotAllowed
// "file.permissions", "file.owner" or "file.kind"; of the system's own errors "os.open".
Fd open_private(const std::string& path);

// From here on this process leaves no core file; for programs that hold a secret among other
// things.
void forbid_core_files();
// From here on this process leaves no core dump and other processes of the user can't look into it.
void forbid_dumps();

}  // namespace stream::os

#include "os/writable.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "base/error.h"

namespace stream::os {

void check_writable(const std::string& directory, const std::string& hint) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::path nearest = fs::absolute(directory, error).lexically_normal();
  while (!fs::exists(nearest, error) && nearest.has_relative_path())
    nearest = nearest.parent_path();
  if (!fs::is_directory(nearest, error)) throw_errno("create", directory, ENOTDIR, hint);
  if (::access(nearest.c_str(), W_OK | X_OK) != 0) throw_errno("write", directory, errno, hint);
}

}  // namespace stream::os

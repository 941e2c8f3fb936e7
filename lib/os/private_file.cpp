#include "os/private_file.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"

namespace stream::os {
namespace {

[[noreturn]] void refuse(const char* id, const std::string& message, const std::string& hint) {
  throw Error(Exit::kNotAllowed, id, message, hint);
}

bool trusted(uid_t owner) {
  return owner == geteuid() || owner == 0;
}

void check_directory(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string dir = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  struct stat st {};
  if (::stat(dir.c_str(), &st) != 0) throw_errno("examine", dir, errno);
  if (!trusted(st.st_mode & S_ISVTX ? geteuid() : st.st_uid))
    refuse("file.owner", "the directory " + dir + " belongs to another user",
           "keep secrets in a directory of your own");
  if ((st.st_mode & 022) != 0 && (st.st_mode & S_ISVTX) == 0)
    refuse("file.permissions", "other users can replace files in " + dir, "run: chmod go-w " + dir);
}

}  // namespace

Fd open_private(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK));
  if (!fd && errno == ELOOP)
    refuse("file.kind", path + " is a symbolic link", "name the file itself");
  if (!fd) throw_errno("open", path, errno);
  struct stat st {};
  if (::fstat(fd.get(), &st) != 0) throw_errno("examine", path, errno);
  if (!S_ISREG(st.st_mode)) refuse("file.kind", path + " is not a regular file", "");
  if (!trusted(st.st_uid))
    refuse("file.owner", path + " belongs to another user", "run: chown $USER " + path);
  if ((st.st_mode & 077) != 0)
    refuse("file.permissions", "other users can read " + path, "run: chmod 600 " + path);
  check_directory(path);
  return fd;
}

void forbid_core_files() {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
}

void forbid_dumps() {
  forbid_core_files();
  ::prctl(PR_SET_DUMPABLE, 0);
}

}  // namespace stream::os

// Preloaded into a program: what changes a disk fails, as scarce.h says: files that are made,
// written, lengthened, synced, renamed. With ENOSPC, as on a full disk; DISK_ERROR=5 (EIO) is one
// that breaks.
#include "scarce.h"

#include <stdarg.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

static int disk_error(void) {
  const char* text = getenv("DISK_ERROR");
  return text ? atoi(text) : ENOSPC;
}
static int breaks(void) {
  return fails(disk_error());
}
static int is_file(int fd) {
  struct stat status;
  return fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

static int opened(int directory, const char* path, int flags, mode_t mode) {
  return (flags & O_CREAT) && breaks() ? -1
                                       : (int)syscall(SYS_openat, directory, path, flags, mode);
}
#define MODE_OF(flags)                   \
  mode_t mode = 0;                       \
  if ((flags) & (O_CREAT | O_TMPFILE)) { \
    va_list more;                        \
    va_start(more, flags);               \
    mode = va_arg(more, mode_t);         \
    va_end(more);                        \
  }
int open(const char* path, int flags, ...) {
  MODE_OF(flags)
  return opened(AT_FDCWD, path, flags, mode);
}
int openat(int directory, const char* path, int flags, ...) {
  MODE_OF(flags)
  return opened(directory, path, flags, mode);
}
int open64(const char* path, int flags, ...) __attribute__((alias("open")));
int openat64(int directory, const char* path, int flags, ...) __attribute__((alias("openat")));

ssize_t write(int fd, const void* data, size_t size) {
  return is_file(fd) && breaks() ? -1 : syscall(SYS_write, fd, data, size);
}
ssize_t writev(int fd, const struct iovec* parts, int count) {
  return is_file(fd) && breaks() ? -1 : syscall(SYS_writev, fd, parts, count);
}
ssize_t pwrite(int fd, const void* data, size_t size, off_t at) {
  return breaks() ? -1 : syscall(SYS_pwrite64, fd, data, size, at);
}
ssize_t pwritev(int fd, const struct iovec* parts, int count, off_t at) {
  return breaks() ? -1 : syscall(SYS_pwritev, fd, parts, count, at, 0);
}
ssize_t pwrite64(int, const void*, size_t, off_t) __attribute__((alias("pwrite")));
ssize_t pwritev64(int, const struct iovec*, int, off_t) __attribute__((alias("pwritev")));

int fallocate(int fd, int mode, off_t at, off_t size) {
  return breaks() ? -1 : (int)syscall(SYS_fallocate, fd, mode, at, size);
}
int ftruncate(int fd, off_t size) {
  return breaks() ? -1 : (int)syscall(SYS_ftruncate, fd, size);
}
int fallocate64(int, int, off_t, off_t) __attribute__((alias("fallocate")));
int ftruncate64(int, off_t) __attribute__((alias("ftruncate")));
int fsync(int fd) {
  return breaks() ? -1 : (int)syscall(SYS_fsync, fd);
}
int fdatasync(int fd) {
  return breaks() ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int rename(const char* from, const char* to) {
  return breaks() ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}
int renameat(int from_directory, const char* from, int to_directory, const char* to) {
  return breaks() ? -1 : (int)syscall(SYS_renameat2, from_directory, from, to_directory, to, 0);
}
int renameat2(int from_directory, const char* from, int to_directory, const char* to,
              unsigned flags) {
  return breaks() ? -1 : (int)syscall(SYS_renameat2, from_directory, from, to_directory, to, flags);
}
int mkdir(const char* path, mode_t mode) {
  return breaks() ? -1 : (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

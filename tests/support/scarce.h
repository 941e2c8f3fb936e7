// What the preloaded libraries of scarce.py share: one of a program's calls fails, or all from
// there on. Calls are counted from 1; SCARCE_AT is the first that fails, SCARCE_FOR how many do
// (all without it). SCARCE_COUNT=PATH gets the number of calls when the program exits. With
// SCARCE_IN=NAME all this only in the program of that name. With SCARCE_FAILED=PATH once: it is
// made then, and nothing fails where it is.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_ulong calls;
static unsigned long first, last;
static const char* mark;

// As the kernel has it: open(2) may be one of the calls.
static int made(const char* path) {
  return (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
}

static int fails(int error) {
  const unsigned long n = atomic_fetch_add(&calls, 1) + 1;
  if (first == 0 || n < first || n > last) return 0;
  if (n == first && mark) close(made(mark));
  errno = error;
  return 1;
}

static int here(void) {
  const char* in = getenv("SCARCE_IN");
  return !in || strcmp(in, program_invocation_short_name) == 0;
}

__attribute__((constructor)) static void begin(void) {
  const char *at = getenv("SCARCE_AT"), *count = getenv("SCARCE_FOR");
  last = at && count ? strtoul(at, NULL, 10) + strtoul(count, NULL, 10) - 1 : (unsigned long)-1;
  first = at ? strtoul(at, NULL, 10) : 0;
  mark = getenv("SCARCE_FAILED");
  if (!here() || (mark && access(mark, F_OK) == 0)) first = 0;
}

__attribute__((destructor)) static void end(void) {
  const char* path = here() ? getenv("SCARCE_COUNT") : NULL;
  char text[32];
  const int length = snprintf(text, sizeof text, "%lu\n", atomic_load(&calls));
  const int fd = path ? made(path) : -1;
  if (fd < 0) return;
  if (syscall(SYS_write, fd, text, (size_t)length) != length) unlink(path);
  close(fd);
}

// Preloaded into a program: its allocations fail from call MEMORY_FAILS_AT on, for MEMORY_FAILS_FOR
// calls (all of them without it). MEMORY_COUNT=PATH gets the number of calls when the program exits.
// With MEMORY_FAILS_IN=NAME only in the program of that name, and there once: PATH of MEMORY_FAILED is
// made then, and nothing fails where it is.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* old, size_t size);
void* __libc_memalign(size_t alignment, size_t size);

static atomic_ulong calls;
static unsigned long first, last;
static const char* mark;

static int fails(void) {
  const unsigned long n = atomic_fetch_add(&calls, 1) + 1;
  if (first == 0 || n < first || n > last) return 0;
  if (n == first && mark) close(open(mark, O_WRONLY | O_CREAT, 0600));
  errno = ENOMEM;
  return 1;
}

__attribute__((constructor)) static void begin(void) {
  const char *at = getenv("MEMORY_FAILS_AT"), *count = getenv("MEMORY_FAILS_FOR");
  last = at && count ? strtoul(at, NULL, 10) + strtoul(count, NULL, 10) - 1 : (unsigned long)-1;
  first = at ? strtoul(at, NULL, 10) : 0;
  const char* in = getenv("MEMORY_FAILS_IN");
  if (!in) return;
  mark = getenv("MEMORY_FAILED");
  if (strcmp(in, program_invocation_short_name) != 0 || (mark && access(mark, F_OK) == 0)) first = 0;
}

__attribute__((destructor)) static void end(void) {
  const char* path = getenv("MEMORY_COUNT");
  char text[32];
  const int length = snprintf(text, sizeof text, "%lu\n", atomic_load(&calls));
  const int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600) : -1;
  if (fd < 0) return;
  if (write(fd, text, (size_t)length) != length) unlink(path);
  close(fd);
}

void* malloc(size_t size) { return fails() ? NULL : __libc_malloc(size); }
void* calloc(size_t count, size_t size) { return fails() ? NULL : __libc_calloc(count, size); }
void* realloc(void* old, size_t size) { return fails() ? NULL : __libc_realloc(old, size); }
void* memalign(size_t alignment, size_t size) {
  return fails() ? NULL : __libc_memalign(alignment, size);
}
void* aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
int posix_memalign(void** out, size_t alignment, size_t size) {
  if (fails()) return ENOMEM;
  *out = __libc_memalign(alignment, size);
  return *out ? 0 : ENOMEM;
}

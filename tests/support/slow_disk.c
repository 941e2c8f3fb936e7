// Preloaded into a program: each fdatasync(2) takes SLOW_DISK seconds more, with
// SLOW_DISK_WHEN=PATH only while PATH is there; PATH.begun is made when the first such one begins.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int fdatasync(int fd) {
  const char *seconds = getenv("SLOW_DISK"), *when = getenv("SLOW_DISK_WHEN");
  if (seconds && (!when || access(when, F_OK) == 0)) {
    char begun[4096];
    if (when && snprintf(begun, sizeof begun, "%s.begun", when) < (int)sizeof begun)
      close(creat(begun, 0600));
    sleep((unsigned)atoi(seconds));
  }
  return (int)syscall(SYS_fdatasync, fd);
}

#include <signal.h>

#include <cerrno>

#include "cli/terminal.h"
#include "listen.h"

namespace stream::ingest {

int outcome(int code, int output_error) {
  if (output_error == EPIPE) cli::die_by_signal(SIGPIPE);
  if (output_error == 0) return code;
  return static_cast<int>(output_error < 0 ? Exit::kUnsupported : Exit::kNo);
}

}  // namespace stream::ingest

#include "cli/terminal.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/error.h"
#include "base/stderr.h"
#include "os/fd.h"

namespace stream::cli {

bool is_terminal(int fd) {
  return ::isatty(fd) == 1;
}

bool use_color(int fd, std::string_view mode) {
  if (mode != "auto") return mode == "always";
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  return !(no_color && *no_color) && !(term && std::string_view(term) == "dumb") && is_terminal(fd);
}

void write_stdout(std::string_view text) {
  const Bytes bytes{reinterpret_cast<const uint8_t*>(text.data()), text.size()};
  const int error = os::write_all(1, bytes);
  if (error == EPIPE) die_by_signal(SIGPIPE);
  if (error) throw_errno("write to", "standard output", error);
}

void write_stderr(std::string_view text, std::chrono::milliseconds patience) {
  if (!stderr_has_room(patience)) return;
  // Nobody is left to tell when this fails.
  os::write_all(2, Bytes{reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

void die_by_signal(int signal_number) {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  ::sigaction(signal_number, &action, nullptr);
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, signal_number);
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  ::raise(signal_number);
  ::_exit(128 + signal_number);
}

}  // namespace stream::cli

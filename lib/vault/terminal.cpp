#include "vault/terminal.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "crypto/encoding.h"

namespace stream::vault {
namespace {

constexpr size_t kMaxAnswer = 1024;
constexpr char kCtrlC = 3, kCtrlD = 4, kCtrlU = 21, kBackspace = 8, kDelete = 127;

}  // namespace

Terminal::Terminal() : tty_(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)) {
  if (!tty_ || ::tcgetattr(tty_.get(), &saved_) != 0)
    throw Error(Exit::kNotAllowed, "terminal.absent", "there is no terminal to ask on",
                "set STREAM_VAULT_KEY_FILE, or start stream-keys agent on a terminal");
  // Signals by key are read as characters here, so that a Ctrl-C can't leave the echo off.
  termios quiet = saved_;
  quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON | ISIG);
  quiet.c_cc[VMIN] = 1;
  quiet.c_cc[VTIME] = 0;
  ::tcsetattr(tty_.get(), TCSAFLUSH, &quiet);
}

Terminal::~Terminal() {
  ::tcsetattr(tty_.get(), TCSAFLUSH, &saved_);
}

Secret Terminal::ask(const std::string& question) {
  os::write_all(tty_.get(), crypto::bytes_of(question));
  std::string answer;
  answer.reserve(kMaxAnswer);  // no reallocation leaves a copy behind
  bool interrupted = false;
  for (char c = 0;;) {
    const ssize_t n = ::read(tty_.get(), &c, 1);
    if (n < 0 && errno == EINTR) continue;
    interrupted = n <= 0 || c == kCtrlC;
    if (interrupted || c == '\n' || c == '\r' || c == kCtrlD) break;
    if (c == kDelete || c == kBackspace) {
      if (!answer.empty()) answer.pop_back();
    } else if (c == kCtrlU) {
      answer.clear();
    } else if (answer.size() < kMaxAnswer) {
      answer += c;
    }
  }
  os::write_all(tty_.get(), crypto::bytes_of("\n"));
  Secret secret(answer);
  explicit_bzero(answer.data(), answer.capacity());
  if (interrupted) throw Error(Exit::kInterrupted, "interrupted", "interrupted at the question");
  return secret;
}

}  // namespace stream::vault

#include "cli/screen.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"
#include "cli/terminal.h"

namespace stream::cli {
namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH};

sigset_t watched() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int number : kSignals) ::sigaddset(&set, number);
  return set;
}

// xterm's and the DEC form of the arrows; others are passed over.
std::string name_of(const std::string& sequence) {
  if (sequence == "\x1b[A" || sequence == "\x1bOA") return "up";
  if (sequence == "\x1b[B" || sequence == "\x1bOB") return "down";
  return sequence == "\x1b" ? "escape" : "";
}

}  // namespace

Screen::Screen() {
  if (::tcgetattr(0, &before_) != 0) throw_errno("use the terminal", "standard input", errno);
  const sigset_t set = watched();
  ::pthread_sigmask(SIG_BLOCK, &set, &blocked_before_);
  signals_ = os::Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  enter();
}

Screen::~Screen() {
  leave();
  // What came meanwhile was for us.
  signalfd_siginfo info;
  while (::read(signals_.get(), &info, sizeof info) > 0) continue;
  ::pthread_sigmask(SIG_SETMASK, &blocked_before_, nullptr);
}

void Screen::enter() {
  termios raw = before_;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  ::tcsetattr(0, TCSANOW, &raw);
  write_stdout("\x1b[?1049h\x1b[?25l\x1b[2J");
  measure();
}

void Screen::leave() {
  constexpr std::string_view kLeave = "\x1b[?25h\x1b[?1049l";
  // A terminal that is gone is no reason to end otherwise.
  os::write_all(1, Bytes{reinterpret_cast<const uint8_t*>(kLeave.data()), kLeave.size()});
  ::tcsetattr(0, TCSANOW, &before_);
}

void Screen::measure() {
  winsize size{};
  if (::ioctl(1, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return;
  width_ = size.ws_col;
  height_ = size.ws_row;
}

void Screen::draw(const std::vector<ScreenLine>& lines) {
  std::string out = "\x1b[H";
  for (size_t i = 0; i < lines.size() && i < height_; ++i) {
    if (i > 0) out += "\r\n";
    out += (lines[i].highlighted ? "\x1b[7m" : "") + lines[i].text +
           (lines[i].highlighted ? "\x1b[0m" : "") +
           (lines[i].text.size() < width_ ? "\x1b[K" : "");
  }
  write_stdout(out + "\x1b[0m");
}

void Screen::read_keys() {
  char bytes[64];
  const ssize_t n = ::read(0, bytes, sizeof bytes);
  for (ssize_t i = 0; i < n; ++i) {
    if (bytes[i] != '\x1b') {
      keys_.emplace_back(1, bytes[i]);
      continue;
    }
    std::string sequence = "\x1b";
    if (i + 1 < n && (bytes[i + 1] == '[' || bytes[i + 1] == 'O')) {
      sequence += bytes[++i];
      // Up to the final byte of a control sequence (ECMA-48, 5.4).
      while (i + 1 < n) {
        sequence += bytes[++i];
        if (bytes[i] >= '@' && bytes[i] <= '~') break;
      }
    }
    if (std::string name = name_of(sequence); !name.empty()) keys_.push_back(std::move(name));
  }
}

Screen::Event Screen::on_signal() {
  signalfd_siginfo info{};
  if (::read(signals_.get(), &info, sizeof info) != sizeof info) return {};
  const int number = static_cast<int>(info.ssi_signo);
  if (number == SIGTSTP) {
    leave();
    ::kill(0, SIGSTOP);  // goes on here with SIGCONT
    enter();
    return {Event::kResize, "", 0};
  }
  if (number == SIGWINCH || number == SIGCONT) {
    measure();
    return {Event::kResize, "", 0};
  }
  return {Event::kEnd, "", number};
}

Screen::Event Screen::wait(std::chrono::milliseconds timeout) {
  if (keys_.empty()) {
    pollfd fds[] = {{signals_.get(), POLLIN, 0}, {0, POLLIN, 0}};
    if (::poll(fds, 2, static_cast<int>(timeout.count())) <= 0) return {};
    if (fds[0].revents) return on_signal();
    read_keys();
    if (keys_.empty() && (fds[1].revents & (POLLHUP | POLLERR))) return {Event::kEnd, "", 0};
  }
  if (keys_.empty()) return {};
  Event event{Event::kKey, keys_.front(), 0};
  keys_.pop_front();
  return event;
}

}  // namespace stream::cli

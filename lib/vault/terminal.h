// A question on the controlling terminal, answered without echo; standard input stays untouched.
#pragma once
#include <termios.h>

#include <string>

#include "base/secret.h"
#include "os/fd.h"

namespace stream::vault {

class Terminal {
 public:
  Terminal();  // throws Error kNotAllowed "terminal.absent"
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  Secret ask(const std::string& question);

 private:
  os::Fd tty_;
  termios saved_{};
};

}  // namespace stream::vault

// What the three standard streams are connected to, and what may be written there.
#pragma once
#include <chrono>
#include <string>
#include <string_view>

namespace stream::cli {

bool is_terminal(int fd);
// --color: "always", "never", "auto" (a terminal, TERM not dumb, NO_COLOR empty), per stream.
bool use_color(int fd, std::string_view mode);
// Writes all; a closed reader ends the process by SIGPIPE with its default status, quietly.
void write_stdout(std::string_view text);
// Gives up where nobody reads stderr for so long.
void write_stderr(std::string_view text,
                  std::chrono::milliseconds patience = std::chrono::seconds(5));
// Ends this process as if it had not handled `signal_number`.
[[noreturn]] void die_by_signal(int signal_number);

}  // namespace stream::cli

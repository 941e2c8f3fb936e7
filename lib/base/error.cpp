#include "base/error.h"

#include <cerrno>
#include <system_error>

namespace stream {

std::string errno_text(int error_number) {
  return std::generic_category().message(error_number);
}

void throw_errno(const char* operation, const std::string& subject, int error_number,
                 std::string hint) {
  const bool denied = error_number == EACCES || error_number == EPERM;
  std::string message =
      std::string("cannot ") + operation + " " + subject + ": " + errno_text(error_number);
  throw Error(denied ? Exit::kNotAllowed : Exit::kNo, "os", message, std::move(hint));
}

}  // namespace stream

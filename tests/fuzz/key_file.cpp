// Lines of a key file: what is accepted is written again in a form that is accepted and says the
// same.
#include <cstdlib>
#include <string>

#include "keys/address.h"
#include "keys/key_line.h"

using namespace stream;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  keys::parse_head(text);
  keys::parse_block(text);
  keys::parse_time(text);
  const auto credential = keys::parse_line(text);
  if (!credential) return 0;
  const std::string line = keys::write_line(*credential);
  if (line.size() > keys::kMaxLine) return 0;  // escapes made it longer
  const auto again = keys::parse_line(line);
  if (!again || keys::write_line(*again) != line) std::abort();
  return 0;
}

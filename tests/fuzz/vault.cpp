// A vault file that anybody could have put there. The root key is the example's, so that entries of
// files which pass the seal are opened too.
#include <cstdlib>
#include <string>

#include "crypto/encoding.h"
#include "vault/format.h"

using namespace stream;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto root = *crypto::from_hex(std::string(64, '1'));
  const Bytes bytes(data, size);
  vault::Parsed parsed = vault::parse(bytes);
  if (parsed.fault != vault::Fault::kNone) return 0;
  const vault::Keys keys(parsed.file.header, root);
  for (const vault::Entry& entry : parsed.file.entries) keys.open(entry);
  if (!keys.match(parsed.file) || !keys.intact(bytes)) return 0;
  // What is accepted has one spelling.
  if (keys.write(parsed.file) != std::vector<uint8_t>(bytes.begin(), bytes.end())) std::abort();
  return 0;
}

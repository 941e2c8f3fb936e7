// A webhook as a receiver has it: any bytes are a message or none, and none of them is authentic by
// a key that the bytes were not made with.
#include <cassert>
#include <string>

#include "hooks/signature.h"

using namespace stream::hooks;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Key key = *parse_key(new_secret());
  const std::string text(reinterpret_cast<const char*>(data), size);
  (void)parse_key(stream::Secret(text));
  const auto message = parse_message(text);
  if (!message) return 0;
  assert(!message->id.empty() && message->timestamp >= 0);
  assert(!reject_reason(key, *message, 0, std::chrono::seconds(300)).empty());
  Received own = *message;
  own.signature = sign(key, own.id, own.timestamp, own.body);
  assert(reject_reason(key, own, own.timestamp, std::chrono::seconds(300)).empty());
  return 0;
}

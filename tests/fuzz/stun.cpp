// STUN: what was understood is written again and must be understood the same way; an agent answers
// anything without being convinced by it.
#include <cstdlib>

#include "webrtc/ice_lite.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stream;
  using namespace stream::webrtc;
  const auto message = parse_stun(Bytes(data, size));
  if (!message) return 0;
  if (message->is_by("a password that nobody has")) abort();
  IceLite ice({"evtj", "VOkJxbRl1RmTxUk/WvJxBt"}, {"h6vY", "0123456789012345678901"},
              Nanoseconds(0));
  const Path from{Endpoint(boost::asio::ip::make_address("192.0.2.1"), 1), {}};
  if (const auto answer = ice.answer(*message, from, Nanoseconds(1))) {
    const auto read = parse_stun(*answer);
    if (!read || read->transaction != message->transaction) abort();
  }
  StunWriter writer(message->kind, message->transaction, message->method);
  if (message->username) writer.username(*message->username);
  if (message->priority) writer.priority(*message->priority);
  if (message->mapped) writer.mapped(*message->mapped);
  const auto again = writer.finish("x");
  const auto read = parse_stun(again);
  if (!read || !read->is_by("x") || read->username != message->username ||
      read->priority != message->priority || read->mapped != message->mapped ||
      read->method != message->method || read->kind != message->kind)
    abort();
  return 0;
}

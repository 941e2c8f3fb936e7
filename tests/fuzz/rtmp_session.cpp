// A whole server session. The first byte says what the owner does (answers at once or late, accepts
// or rejects, and whether the handshake is part of the input); the second how the bytes are cut.
// Nothing may follow Failed, and no media may come before a publish is accepted.
#include <algorithm>
#include <cstdlib>

#include "rtmp/handshake.h"
#include "rtmp/server_session.h"

using namespace stream;
using namespace stream::rtmp;

namespace {

struct Owner {
  ServerSession session;
  bool late, reject;
  bool failed = false, publish_accepted = false;
  bool connect_open = false, publish_open = false;

  Owner(ServerOptions options, uint8_t mode)
      : session(options), late((mode & 2) != 0), reject((mode & 4) != 0) {}

  void answer() {
    if (!connect_open && !publish_open) return;
    if (reject && publish_open) {
      session.reject(status::kBadName, "no");
    } else {
      session.accept();
      publish_accepted |= publish_open && session.publishing();
    }
    connect_open = publish_open = false;
  }
  void drain() {
    while (auto event = session.next()) {
      if (failed) abort();
      failed = std::holds_alternative<Failed>(*event);
      connect_open = std::holds_alternative<ConnectRequested>(*event);
      publish_open = std::holds_alternative<PublishRequested>(*event);
      const bool media =
          std::holds_alternative<Media>(*event) || std::holds_alternative<Metadata>(*event);
      if (media && !publish_accepted) abort();
      if (!late) answer();
    }
    session.take_output();
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const size_t piece = data[1] + size_t{1};
  ServerOptions options;
  options.unauthorised_budget = 256 << 10;
  options.budget = 1 << 20;
  Owner owner(options, data[0]);
  if ((data[0] & 1) == 0) {
    std::vector<uint8_t> hello(1 + 2 * kHandshakeSize);
    hello[0] = 3;
    owner.session.feed(hello);
    owner.drain();
  }
  Bytes rest(data + 2, size - 2);
  while (!rest.empty()) {
    const Bytes in = rest.first(std::min(piece, rest.size()));
    rest = rest.subspan(in.size());
    owner.session.feed(in);
    owner.drain();
    owner.answer();
    owner.drain();
  }
  return 0;
}

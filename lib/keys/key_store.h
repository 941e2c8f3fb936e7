// Who may publish: the question that stream-ingest asks of a key, and its answer. An implementation
// may be called from an event loop: every call returns within a millisecond and none blocks on a
// network. Keys themselves are never stored, logged or returned; a session remembers `credential`.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stream::keys {

// One ingest key as it was issued. Times are milliseconds since 1970.
struct Key {
  std::string id;      // "k_" and 16 of a-z2-7; public
  std::string stream;  // what it publishes
  std::string label;   // may be empty
  int64_t created = 0;
  std::optional<int64_t> expires;
  unsigned max_sessions = 1;           // at once
  std::vector<std::string> protocols;  // of rtmp, srt, whip; empty: all
  std::vector<std::string> from;       // CIDR blocks; empty: everywhere
  std::optional<int64_t> revoked;
  bool kick = false;  // a running session of the revoked key is to be dropped
};

enum class Refusal { kNone, kUnknown, kRevoked, kExpired, kProtocol, kAddress };
// "unknown key", "revoked", ...: for events, whose reason a peer must not see in more detail.
const char* text_of(Refusal refusal);

struct Attempt {
  std::string_view key;       // as the publisher sent it
  std::string_view protocol;  // "rtmp", "srt", "whip"
  std::string_view address;   // numeric, no port
};

struct Verdict {
  Refusal refusal = Refusal::kUnknown;
  Key key;                 // known for every refusal but kUnknown
  std::string credential;  // names the very key (not only its id) to standing()
  bool ok() const { return refusal == Refusal::kNone; }
};

class KeyStore {
 public:
  virtual ~KeyStore() = default;
  // Sees changes of the store at once, without a restart.
  virtual Verdict check(const Attempt& attempt) = 0;
  // A number that differs after every change of the store: cheap, for a poll each second.
  virtual uint64_t version() = 0;
  // False when a running session of this credential must be dropped now (revoke --kick). A key that
  // merely expired or was revoked keeps its running session.
  virtual bool may_stay(const std::string& credential) = 0;
};

}  // namespace stream::keys

// One sitting at a destination: from the address to the end of the connection. It knows no retries
// and no deadlines; those are its host's. A link that is let go closes at once and says nothing
// more.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "forward/queue.h"
#include "forward/types.h"

namespace stream::media {

// Called by the link on the forwarder's thread; any of them may let the link go.
class ForwardLinkHost {
 public:
  // Resolving to publishing. False: the link was let go, and is to do nothing more.
  virtual bool link_phase(ForwardState phase) = 0;
  virtual void link_ready() = 0;                  // media may be sent
  virtual void link_writable() = 0;               // send() has room again
  virtual void link_moved(ForwardMove move) = 0;  // the peer wants us to connect anew
  // Where the sitting before was asked to go; for the first connection of the next one.
  virtual std::optional<ForwardMove> take_move() = 0;
  // A message was taken and could not be sent: that one alone.
  virtual void link_lost(bool video, const std::string& reason) = 0;
  virtual void link_failed(LinkFailure failure) = 0;

 protected:
  ~ForwardLinkHost() = default;
};

class ForwardLink {
 public:
  virtual ~ForwardLink() = default;

  // Takes messages from the queue until the peer takes no more. Times are sent less
  // `offset_ms`.
  virtual void send(ForwardQueue& queue, int64_t offset_ms) = 0;
  // All that was taken has left this process.
  virtual bool flushed() const = 0;
  // Says good-bye, as soon as what was taken is written.
  virtual void finish() = 0;

  struct Flow {
    uint64_t sent_bytes = 0;          // given to the system
    uint64_t taken_bytes = 0;         // the same and what waits in the link
    uint64_t acknowledged_bytes = 0;  // as far as the transport knows
    uint64_t pending_bytes = 0;       // not acknowledged yet
    // What the peer's application says it has read; 0: it says nothing.
    uint64_t application_bytes = 0;
    double rtt_seconds = -1;  // < 0: not known
  };
  virtual Flow flow() const = 0;
};

using ForwardLinkFactory = std::function<std::shared_ptr<ForwardLink>(ForwardLinkHost& host)>;

}  // namespace stream::media

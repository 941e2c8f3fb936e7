// Relays TCP connections or UDP datagrams from a local port to a target and does to them what the
// plan says. One thread, poll(2); everything held is in one queue ordered by time.
#pragma once
#include <netinet/in.h>

#include <list>
#include <map>
#include <memory>
#include <queue>
#include <vector>

#include "plan.h"

namespace fault {

struct Counts {
  uint64_t passed = 0, lost = 0, duplicated = 0, reordered = 0, connections = 0, cut = 0;
};

class Relay {
 public:
  Relay(bool udp, sockaddr_in listen, sockaddr_in target, std::vector<Step> plan, uint64_t seed);
  ~Relay();
  uint16_t port() const { return port_; }
  // Until `stop` is set; wakes at least every 100 ms.
  void run(const volatile bool& stop);
  const Counts& counts() const { return counts_; }

 private:
  struct Line {  // a TCP connection, or the datagrams of one sender
    int near = -1, far = -1;
    sockaddr_in peer{};
    Time free_near{0}, free_far{0};  // when what was sent to that side is through, at the rate
    Time last_near{0}, last_far{0};  // TCP keeps its order
    size_t held = 0;                 // bytes on their way
    bool near_ended = false, far_ended = false, gone = false;
    Time used{0};
  };
  using LinePtr = std::shared_ptr<Line>;
  struct Held {
    Time at{0};
    uint64_t order = 0;
    LinePtr line;
    bool to_far = false;
    std::vector<uint8_t> bytes;  // of TCP, empty: the end of that side
    bool operator<(const Held& other) const {
      return at != other.at ? at > other.at : order > other.order;
    }
  };

  const Faults& faults() const { return plan_[step_].faults; }
  void advance(Time now);
  void accept(Time now);
  void datagrams(Time now);
  void from(const LinePtr& line, bool near, Time now);
  size_t most_held() const;
  void pass(const LinePtr& line, bool to_far, std::vector<uint8_t> bytes, Time now);
  void hold(const LinePtr& line, bool to_far, std::vector<uint8_t> bytes, Time at);
  void deliver(Time now);
  bool write(Held& held);
  void cut(Line& line);
  void sweep(Time now);

  const bool udp_;
  const sockaddr_in target_;
  const std::vector<Step> plan_;
  Random random_;
  int listener_ = -1;
  uint16_t port_ = 0;
  size_t step_ = 0;
  std::optional<Time> begun_;
  std::list<LinePtr> lines_;
  std::priority_queue<Held> queue_;
  Time free_{0};  // when all that was sent to the target is through, at the total rate
  uint64_t order_ = 0;
  Counts counts_;
};

Time now();

}  // namespace fault

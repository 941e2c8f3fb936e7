// In which order a name's addresses are tried by clients that can't try two at once, over several
// connections: one that did not answer comes last the next time. Pure.
#pragma once
#include <algorithm>
#include <vector>

#include "net/connector.h"

namespace stream::net {

class AddressTurns {
 public:
  using Endpoint = Connector::Endpoint;

  // Families alternate; behind come those that did not answer, the longest ago first.
  std::vector<Endpoint> order(const std::vector<Endpoint>& endpoints) const {
    std::vector<Endpoint> all = Connector::order(endpoints);
    std::stable_sort(all.begin(), all.end(), [this](const Endpoint& a, const Endpoint& b) {
      return failed_at(a) < failed_at(b);
    });
    return all;
  }
  // It counts as one that does not answer until it has: who asks may give up at any time.
  void trying(const Endpoint& endpoint) {
    answered(endpoint);
    failed_.push_back(endpoint);
    if (failed_.size() > kMost) failed_.erase(failed_.begin());
  }
  void answered(const Endpoint& endpoint) { std::erase(failed_, endpoint); }

 private:
  static constexpr size_t kMost = 64;
  size_t failed_at(const Endpoint& endpoint) const {  // 0: not
    const auto it = std::find(failed_.begin(), failed_.end(), endpoint);
    return it == failed_.end() ? 0 : static_cast<size_t>(it - failed_.begin()) + 1;
  }
  std::vector<Endpoint> failed_;
};

}  // namespace stream::net

#include "srt/caller.h"

#include <algorithm>
#include <utility>

namespace stream::srt {

void Caller::call(const std::vector<net::AddressTurns::Endpoint>& endpoints,
                  Socket::Handlers handlers) {
  handlers_ = std::move(handlers);
  addresses_ = turns_->order(endpoints);
  // Two sides that call each other must be at it for long enough to meet.
  const size_t tries = settings_.rendezvous ? 1 : std::min(addresses_.size(), kAddresses);
  addresses_.resize(tries);
  settings_.connect_timeout /= static_cast<int>(tries);
  call_next();
}

void Caller::call_next() {
  const auto address = addresses_[next_++];
  turns_->trying(address);
  Socket::Handlers handlers = handlers_;
  handlers.connected = [this, address] {
    turns_->answered(address);
    const auto connected = handlers_.connected;  // it may let this go
    if (connected) connected();
  };
  handlers.closed = [this, address](const Failure& failure) {
    const bool silent = failure.kind == Failure::Kind::kUnreachable;
    if (!silent) turns_->answered(address);
    if (silent && next_ < addresses_.size()) return call_next();
    const auto closed = handlers_.closed;
    if (closed) closed(failure);
  };
  socket_ = engine_.connect({address.address(), address.port()}, settings_, std::move(handlers));
}

}  // namespace stream::srt

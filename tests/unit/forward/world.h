// A destination with a scripted link and a clock of its own.
#pragma once
#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "forward/destination.h"
#include "unit/forward/made.h"

namespace stream::media {

using namespace std::chrono_literals;

// Does what the test says.
struct FakeLink : ForwardLink {
  ForwardLinkHost& host;
  bool blocked = false, finished = false;
  int quota = 1 << 30;  // messages at a time
  std::vector<MessagePtr> taken;
  Flow state;

  explicit FakeLink(ForwardLinkHost& owner) : host(owner) {}
  void send(ForwardQueue& queue, int64_t) override {
    for (int i = 0; i < quota && !blocked && !queue.empty(); ++i) {
      taken.push_back(queue.pop());
      state.sent_bytes = state.taken_bytes += 100;
      state.acknowledged_bytes = state.sent_bytes;
    }
  }
  bool flushed() const override { return true; }
  void finish() override { finished = true; }
  Flow flow() const override { return state; }
};

struct World {
  ForwardFeed feed;
  Nanoseconds now = 1000s;
  std::vector<std::shared_ptr<FakeLink>> links;
  std::vector<ForwardState> states;
  std::unique_ptr<ForwardDestination> destination;
  int64_t ms = 0;

  explicit World(ForwardPolicy policy = {}) {
    feed.set_tracks(tracks());
    destination = std::make_unique<ForwardDestination>(
        "d", feed, policy,
        [this](ForwardLinkHost& host) {
          links.push_back(std::make_shared<FakeLink>(host));
          return links.back();
        },
        [this](ForwardState, const std::string&) { states.push_back(destination->state()); }, 7);
  }
  FakeLink& link() { return *links.back(); }
  ForwardState state() const { return destination->state(); }

  // Time passes, with a picture every 100 ms and a keyframe every second.
  void pass(std::chrono::milliseconds time, bool media = true) {
    for (auto end = now + time; now < end;) {
      now += 100ms;
      if (media) {
        for (const auto& m : feed.push(packet(0, ms, ms % 1000 == 0), 0s))
          destination->offer(m, now, &feed);
        destination->send();
        ms += 100;
      }
      destination->tick(now);
    }
  }
  void publish() {
    for (const auto phase : {ForwardState::kResolving, ForwardState::kConnecting,
                             ForwardState::kHandshaking, ForwardState::kPublishing})
      link().host.link_phase(phase);
    link().host.link_ready();
  }
  void go_live() {
    destination->start(now);
    publish();
    pass(300ms);
    REQUIRE(state() == ForwardState::kLive);
  }
  // A front takes the connection, and closes it or lets it wait: nobody is behind it.
  void reach_front() {
    for (const auto phase :
         {ForwardState::kResolving, ForwardState::kConnecting, ForwardState::kHandshaking})
      link().host.link_phase(phase);
  }
  void close_at_front() {
    reach_front();
    LinkFailure failure{LinkFailure::Kind::kNetwork, false, false, "closed"};
    failure.unanswered = true;
    link().host.link_failed(failure);
  }
  bool trying() const { return links.back().use_count() > 1; }
  void fail(LinkFailure::Kind kind, bool permanent = false, bool in_use = false) {
    link().host.link_failed({kind, permanent, in_use, "reason"});
  }
  // Each try within the time meets a name that is in use, perhaps or, `taken`, as is said.
  void refuse_for(std::chrono::milliseconds time, bool taken = false) {
    for (const auto end = now + time; now < end; pass(100ms)) {
      if (state() == ForwardState::kResolving)
        link().host.link_failed({LinkFailure::Kind::kRefused, true, true, "reason", taken});
    }
  }
};

}  // namespace stream::media

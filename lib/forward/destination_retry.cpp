// A destination's failures: what is tried again, when, and what is not.
#include <algorithm>
#include <utility>

#include "forward/destination.h"

namespace stream::media {

using namespace std::chrono_literals;

namespace {
constexpr int kMediaTries = 3;  // anew
}

void ForwardDestination::connect() {
  retry_at_.reset();
  probing_ = false;
  tried_at_ = now_;
  set_state(ForwardState::kResolving);
  link_ = factory_(*this);
}

void ForwardDestination::probe() {
  probe_at_.reset();
  probing_ = true;
  tried_at_ = now_;
  link_ = factory_(*this);
}

// Every few seconds, however long one try took: who comes back is met soon.
void ForwardDestination::probe_again(bool unanswered) {
  probing_ = false;
  probe_joins_ = true;
  behind_front_ = unanswered;
  link_.reset();
  probe_at_ = std::max(tried_at_ + policy_.probe, now_ + policy_.first_probe);
}

void ForwardDestination::reset_sitting() {
  sent_before_ += flow_.sent_bytes;
  flow_ = {};
  link_.reset();
  queue_.clear();
  ready_ = opened_ = moving_ = probing_ = false;
  entry_bytes_.reset();
  if (next_feed_ != nullptr) feed_ = std::exchange(next_feed_, nullptr);
  feed_ended_ = false;
  answers_ = {};
  probe_at_.reset();
  in_bps_ = out_bps_ = frame_rate_ = 0;
}

void ForwardDestination::fail(LinkFailure failure) {
  if (is_on_air(state_)) {
    down_since_ = now_;
    if (now_ - live_since_ >= policy_.stable) {
      backoff_.reset();
      media_failures_ = 0;
    }
  }
  // A fresh muxer may take what follows; what several don't take, none will.
  if (failure.kind == LinkFailure::Kind::kMedia && ++media_failures_ > kMediaTries)
    failure.permanent = true;
  reset_sitting();
  last_error_ = failure.reason;
  if (refused_for_good(failure)) return set_state(ForwardState::kRefused, failure.reason);
  wait_for_retry(failure);
}

bool ForwardDestination::refused_for_good(const LinkFailure& failure) {
  if (!failure.permanent) return false;
  // A peer may hold a sitting of ours that was cut, also by an end of this process.
  const bool held = failure.taken || (failure.name_in_use && (was_live_ || lived_before_));
  if (!held) return true;
  if (!refused_since_) refused_since_ = now_;
  return now_ - *refused_since_ >= policy_.name_in_use;
}

void ForwardDestination::wait_for_retry(const LinkFailure& failure) {
  const auto wait = backoff_.next();
  if (has_given_up()) return set_state(ForwardState::kGaveUp, failure.reason);
  retry_at_ = now_ + wait;
  if (const auto earliest = budget_.next(now_); earliest > *retry_at_) {
    retry_at_ = earliest;
    last_error_ +=
        "; " + std::to_string(budget_.within_an_hour(now_)) + " connections within an hour";
  } else if (failure.kind != LinkFailure::Kind::kRefused &&
             failure.kind != LinkFailure::Kind::kMedia && wait > policy_.probe) {
    behind_front_ = failure.unanswered;
    probe_joins_ = failure.kind == LinkFailure::Kind::kUnreachable || failure.unanswered;
    probe_at_ = std::max(tried_at_ + (probe_joins_ ? policy_.probe : policy_.first_probe),
                         now_ + policy_.first_probe);
  }
  set_state(ForwardState::kBackoff, last_error_);
}

bool ForwardDestination::has_given_up() const {
  if (policy_.retry_max > 0 && backoff_.failures() > policy_.retry_max) return true;
  return policy_.retry_for > 0ms && now_ - down_since_ >= policy_.retry_for;
}

}  // namespace stream::media

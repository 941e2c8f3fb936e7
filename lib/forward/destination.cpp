#include "forward/destination.h"

#include <algorithm>
#include <utility>

namespace stream::media {

using namespace std::chrono_literals;

namespace {
constexpr auto kCheckLive = 450ms;
}

ForwardDestination::ForwardDestination(std::string name, const ForwardFeed& feed,
                                       ForwardPolicy policy, ForwardLinkFactory factory,
                                       StateHandler handler, uint32_t seed)
    : name_(std::move(name)),
      feed_(&feed),
      policy_(policy),
      factory_(std::move(factory)),
      handler_(std::move(handler)),
      backoff_(policy.first_wait, policy.most_wait, seed),
      budget_(policy.sittings_per_hour) {}

ForwardDestination::~ForwardDestination() = default;

void ForwardDestination::set_state(ForwardState state, const std::string& reason) {
  if (state == state_) return;
  const ForwardState before = state_;
  state_ = state;
  since_ = now_;
  if (handler_) handler_(before, reason);
}

bool ForwardDestination::connected() const {
  return state_ == ForwardState::kPublishing || is_on_air(state_);
}

// --- what is asked of it ---------------------------------------------------------------------

void ForwardDestination::start(Nanoseconds now) {
  now_ = now;
  if (link_) return;
  backoff_.reset();
  refused_since_.reset();
  media_failures_ = 0;
  down_since_ = now;
  finishing_ = false;
  move_.reset();
  connect();
}

void ForwardDestination::pause(Nanoseconds now) {
  now_ = now;
  leave(ForwardState::kPaused, {});
}

void ForwardDestination::refuse(const std::string& reason, Nanoseconds now) {
  now_ = now;
  leave(ForwardState::kRefused, reason);
}

void ForwardDestination::hold_back(const std::string& reason, Nanoseconds now) {
  now_ = now;
  leave(ForwardState::kHeld, reason);
}

void ForwardDestination::leave(ForwardState state, const std::string& reason) {
  if (link_) link_->finish();
  reset_sitting();
  retry_at_.reset();
  if (!reason.empty()) last_error_ = reason;
  set_state(state, reason);
}

void ForwardDestination::thin(bool on) {
  if (on) thin_ = true;
  thin_ends_ = !on;
}

void ForwardDestination::finish(Nanoseconds now) {
  now_ = now;
  finishing_ = true;
  retry_at_.reset();
  if (!ready_) return cut(now);
  send();
  if (queue_.empty() && link_) link_->finish();
}

bool ForwardDestination::ended() const {
  return !link_ || (queue_.empty() && link_->flushed());
}

void ForwardDestination::cut(Nanoseconds now) {
  now_ = now;
  reset_sitting();
  retry_at_.reset();
  const bool final = state_ == ForwardState::kRefused || state_ == ForwardState::kGaveUp;
  if (!final) set_state(ForwardState::kStopped);
}

void ForwardDestination::use(const ForwardFeed& feed) {
  if (opened_) {
    next_feed_ = &feed == feed_ ? nullptr : &feed;
  } else {
    feed_ = &feed;
    next_feed_ = nullptr;
  }
  feed_ended_ = false;
}

void ForwardDestination::offer(const MessagePtr& message, Nanoseconds now,
                               const ForwardFeed* from) {
  now_ = now;
  if (from != nullptr && from == next_feed_) {
    if (!message->entry || !(feed_ended_ || message->milliseconds > queued_ms_)) return;
    change_feed(message);
  } else if (from != nullptr && from != feed_) {
    return;
  } else if (next_feed_ != nullptr && message->entry) {
    feed_ended_ = true;
  }
  if (feed_ended_) return;
  offered_at_ = now;
  offered_bytes_ += message->wire.wire.size();
  if (!ready_) return;
  if (moving_ && (message->entry || (move_ && move_->at_once))) {
    moving_ = false;
    if (link_) link_->finish();
    reset_sitting();
    return connect();
  }
  if (!opened_) return open_media();  // the feed remembers this message as well
  enqueue(message);
}

void ForwardDestination::enqueue(const MessagePtr& message) {
  if (message->milliseconds < offset_ms_) return;  // sound from before the keyframe
  if (thin_ && message->video && !message->opening) {
    if (message->entry && thin_ends_) thin_ = thin_ends_ = false;
    if (thin_ && !message->entry) {
      ++thinned_;
      return;
    }
  }
  queue_.push(message);
  queued_ms_ = std::max(queued_ms_, message->milliseconds);
}

// From `entry` on it is the other feed, told by its configuration. Time does not go back.
void ForwardDestination::change_feed(const MessagePtr& entry) {
  feed_ = std::exchange(next_feed_, nullptr);
  feed_ended_ = false;
  const int64_t back = queued_ms_ + 1 - entry->milliseconds;
  if (back > 0) offset_ms_ -= back;
  queued_ms_ = entry->milliseconds;
  for (const MessagePtr& message : feed_->opening()) {
    ForwardMessage timed = *message;
    timed.milliseconds = entry->milliseconds;
    timed.wire.timestamp = static_cast<uint32_t>(entry->milliseconds);
    queue_.push(std::make_shared<const ForwardMessage>(std::move(timed)));
  }
}

void ForwardDestination::send() {
  if (!ready_ || !link_) return;
  const std::shared_ptr<ForwardLink> link = link_;  // it may fail and be let go
  link->send(queue_, offset_ms_);
  if (link == link_ && finishing_ && queue_.empty()) link->finish();
}

// Metadata, configuration, and the stream from the newest keyframe on.
void ForwardDestination::open_media() {
  const std::vector<MessagePtr> opening = feed_->opening();
  if (opening.empty() || feed_->cache().empty()) return;
  opened_ = true;
  opened_at_ = progress_at_ = now_;
  offset_ms_ = queued_ms_ = feed_->cache().front()->milliseconds;
  entry_popped_ = queue_.popped() + opening.size() + 1;
  for (const MessagePtr& message : opening) queue_.push(message);
  for (const MessagePtr& message : feed_->cache()) enqueue(message);
  send();
}

// --- what the link says ----------------------------------------------------------------------

bool ForwardDestination::link_phase(ForwardState phase) {
  if (probing_) {
    if (phase == ForwardState::kResolving || phase == ForwardState::kConnecting) return true;
    if (!probe_joins_) {  // it was there all the time: the wait is to be waited
      reset_sitting();
      return false;
    }
    if (behind_front_ && phase == ForwardState::kHandshaking) return true;
  }
  probing_ = false;  // it answered: from here on this is a connection like any other
  retry_at_.reset();
  set_state(phase);
  return true;
}

void ForwardDestination::link_ready() {
  ready_ = true;
  if (std::exchange(published_, true)) ++reconnects_;
  budget_.spend(now_);
  since_ = now_;  // the publish deadline begins anew for the media
  open_media();
}

void ForwardDestination::link_lost(bool video, const std::string& reason) {
  ++(video ? lost_video_ : lost_audio_);
  lost_reason_ = reason;
  lost_at_ = now_;
}

void ForwardDestination::link_failed(LinkFailure failure) {
  if (finishing_) return cut(now_);
  if (probing_ && (failure.kind == LinkFailure::Kind::kUnreachable || failure.unanswered))
    return probe_again(failure.unanswered);
  fail(std::move(failure));
}

// --- time ------------------------------------------------------------------------------------

void ForwardDestination::tick(Nanoseconds now) {
  now_ = now;
  if (retry_at_ && now >= *retry_at_) {
    if (link_) reset_sitting();  // a probe that hangs
    return connect();
  }
  if (probe_at_ && now >= *probe_at_) return probe();
  // A front may hold the connection without a word, also when the peer behind it is back.
  if (probing_ && behind_front_ && now >= tried_at_ + policy_.probe) return probe_again(true);
  if (!link_) return;
  check_deadline();
  if (!link_ || !ready_) return;
  if (!opened_) open_media();
  // What is live is asked twice a second: it costs two system calls.
  if (state_ == ForwardState::kLive && now - checked_at_ < kCheckLive) return;
  checked_at_ = now;
  check_progress();
  measure();
}

void ForwardDestination::check_deadline() {
  const auto late = [this](ForwardPolicy::Ms limit) { return now_ - since_ >= limit; };
  const auto seconds = [](ForwardPolicy::Ms limit) {
    return " within " + std::to_string((limit.count() + 500) / 1000) + " s";
  };
  using Kind = LinkFailure::Kind;
  LinkFailure unanswered;
  unanswered.unanswered = true;
  if (state_ == ForwardState::kResolving && late(policy_.connect)) {
    fail(
        {Kind::kUnreachable, false, false, "the name was not resolved" + seconds(policy_.connect)});
  } else if (state_ == ForwardState::kConnecting && late(policy_.connect)) {
    fail({Kind::kUnreachable, false, false, "no connection" + seconds(policy_.connect)});
  } else if (state_ == ForwardState::kHandshaking && late(policy_.handshake)) {
    unanswered.reason = "no answer to the handshake" + seconds(policy_.handshake);
    fail(std::move(unanswered));
  } else if (state_ == ForwardState::kPublishing && !ready_ && late(policy_.publish)) {
    fail({Kind::kNetwork, false, false, "no answer to publish" + seconds(policy_.publish)});
  } else if (state_ == ForwardState::kPublishing && opened_ &&
             now_ - opened_at_ >= policy_.publish) {
    fail({Kind::kNetwork, false, false, "no media was taken" + seconds(policy_.publish)});
  }
}

void ForwardDestination::check_progress() {
  const ForwardLink::Flow flow = link_->flow();
  if (flow.acknowledged_bytes > flow_.acknowledged_bytes || flow.pending_bytes == 0)
    progress_at_ = now_;
  flow_ = flow;
  answers_.look(flow.application_bytes, flow.acknowledged_bytes, now_);
  const bool silent = answers_.missing(flow.acknowledged_bytes, now_, policy_.stalled);
  const Nanoseconds still = silent ? answers_.quiet(now_) : now_ - progress_at_;
  if (still >= policy_.abandoned)
    return fail({LinkFailure::Kind::kNetwork, false, false,
                 "nothing was taken for " + std::to_string(still / 1s) + " s"});
  const bool no_input = now_ - offered_at_ >= policy_.stalled;
  if (state_ != ForwardState::kPublishing && (still >= policy_.stalled || no_input)) {
    if (state_ == ForwardState::kStalled) return;
    const std::string reason = no_input ? "no input" : "nothing is taken";
    if (!no_input) last_error_ = reason;
    return set_state(ForwardState::kStalled, reason);
  }
  if (state_ == ForwardState::kPublishing) {
    if (opened_ && !entry_bytes_ && queue_.popped() >= entry_popped_)
      entry_bytes_ =
          flow.acknowledged_bytes + flow.pending_bytes + flow.taken_bytes - flow.sent_bytes;
    const bool earned = entry_bytes_ && flow.acknowledged_bytes >= *entry_bytes_ && !no_input;
    if (!earned) return;
    was_live_ = true;
    live_since_ = now_;
    refused_since_.reset();
  }
  judge();
}

// Live, or degraded: dropped or lost media within 10 s, more than 3 s of it waiting, thinned, or a
// bad source.
void ForwardDestination::judge() {
  const uint64_t dropped = queue_.dropped_video() + queue_.dropped_audio();
  if (dropped != drops_seen_) dropped_at_ = now_;
  drops_seen_ = dropped;
  const bool dropping = dropped_at_ && now_ - *dropped_at_ < 10s;
  const bool late = queue_.milliseconds() > 3000 && now_ - opened_at_ > 10s;
  const bool lost = lost_at_ && now_ - *lost_at_ < 10s;
  const std::string reason = dropping ? std::string("too slow: media is dropped")
                             : lost   ? lost_reason_
                             : late   ? std::string("too slow: media waits")
                             : thin_  ? std::string("the uplink is full: keyframes and sound only")
                                      : impaired_;
  if (!reason.empty()) {
    last_error_ = reason;
    set_state(ForwardState::kDegraded, reason);
  } else {
    set_state(ForwardState::kLive);
  }
}

}  // namespace stream::media

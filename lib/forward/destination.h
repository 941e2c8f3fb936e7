// One destination's life: connects, earns its states, waits, tries again or not. Driven from
// outside by messages, the link's calls and a tick every 100 ms, so that it holds no timer and
// tests need no clock. The other destinations don't exist for it.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "forward/answer_habit.h"
#include "forward/feed.h"
#include "forward/link.h"
#include "forward/sitting_budget.h"
#include "net/backoff.h"

namespace stream::media {

struct ForwardPolicy {
  using Ms = std::chrono::milliseconds;
  Ms connect{5000}, handshake{5000}, publish{10'000};  // deadlines per phase
  Ms first_wait{1000}, most_wait{60'000};
  // How often a peer that can't be reached is looked for meanwhile; and when it is first looked
  // whether it is away, after a connection broke.
  Ms probe{3000}, first_probe{300};
  Ms stable{60'000};     // of progress, after which waits begin small again
  Ms stalled{5000};      // without progress
  Ms abandoned{15'000};  // without progress: a new connection is better
  // How long a refused name is tried again after a sitting of our own was cut, or when somebody
  // is said to publish there: platforms hold dead sessions for 6 to 7 min.
  Ms name_in_use{600'000};
  int sittings_per_hour = 30;  // 0: no bound
  int retry_max = 0;           // failures in a row; 0: no bound
  Ms retry_for{0};             // time without being live; 0: no bound
};

struct ForwardStatus {
  std::string name;
  ForwardState state = ForwardState::kIdle;
  Nanoseconds since{0};
  std::string last_error, health;
  double in_bps = 0, out_bps = 0, frame_rate = 0;
  size_t queue_bytes = 0;
  double queue_seconds = 0;
  uint64_t dropped_video = 0, dropped_audio = 0, sent_bytes = 0, sent_frames = 0;
  uint64_t thinned_video = 0;  // left out by thin()
  uint64_t reconnects = 0;
  double rtt_seconds = -1;
  std::optional<Nanoseconds> retry_at;
};

class ForwardDestination final : private ForwardLinkHost {
 public:
  // Called when the state changes; `reason` is for people and may be empty.
  using StateHandler = std::function<void(ForwardState before, const std::string& reason)>;

  ForwardDestination(std::string name, const ForwardFeed& feed, ForwardPolicy policy,
                     ForwardLinkFactory factory, StateHandler handler, uint32_t seed);
  ~ForwardDestination();
  ForwardDestination(const ForwardDestination&) = delete;

  // It was live lately, before this process.
  void remember_live() { lived_before_ = true; }
  void start(Nanoseconds now);  // from idle, paused or a final state: at once, with a clean slate
  void pause(Nanoseconds now);
  // The stream would not be taken: final, as when the peer says so.
  void refuse(const std::string& reason, Nanoseconds now);
  // Takes the messages of another feed; on air the change is at a keyframe. The feed before must
  // stay until switched().
  void use(const ForwardFeed& feed);
  bool switched() const noexcept { return next_feed_ == nullptr; }
  // What a feed has made; null: the one in use. send() after the last of several.
  void offer(const MessagePtr& message, Nanoseconds now, const ForwardFeed* from = nullptr);
  // What it is sent is not as it should be; empty: it is.
  void impair(std::string reason) { impaired_ = std::move(reason); }
  // Keyframes and sound only; the whole from the next keyframe on.
  void thin(bool on);
  // Ends, until start().
  void hold_back(const std::string& reason, Nanoseconds now);
  // How much media waits, or is on its way; 0 for one that takes nothing, or little.
  Nanoseconds behind() const;
  void send();
  void tick(Nanoseconds now);
  // Ends orderly: what is queued first. ended() within a second after that went out, cut() at once.
  void finish(Nanoseconds now);
  bool ended() const;
  void cut(Nanoseconds now);

  const std::string& name() const noexcept { return name_; }
  ForwardState state() const noexcept { return state_; }
  bool was_live() const noexcept { return was_live_; }
  ForwardStatus status(Nanoseconds now) const;

 private:
  bool link_phase(ForwardState phase) override;
  void link_ready() override;
  void link_writable() override { send(); }
  void link_moved(ForwardMove move) override {
    moving_ = true;
    move_ = std::move(move);
  }
  std::optional<ForwardMove> take_move() override { return std::exchange(move_, std::nullopt); }
  void link_lost(bool video, const std::string& reason) override;
  void link_failed(LinkFailure failure) override;

  void set_state(ForwardState state, const std::string& reason = {});
  void leave(ForwardState state, const std::string& reason);
  void connect();
  void probe();
  void probe_again(bool unanswered);
  void open_media();
  void enqueue(const MessagePtr& message);
  void change_feed(const MessagePtr& entry);
  void fail(LinkFailure failure);
  void wait_for_retry(const LinkFailure& failure);
  bool refused_for_good(const LinkFailure& failure);
  bool has_given_up() const;
  void check_deadline();
  void check_progress();
  void judge();
  void measure();
  void reset_sitting();
  bool connected() const;

  const std::string name_;
  const ForwardFeed* feed_;
  const ForwardFeed* next_feed_ = nullptr;  // to be used from a keyframe on
  bool feed_ended_ = false;                 // the present one: a keyframe of it was left out
  const ForwardPolicy policy_;
  const ForwardLinkFactory factory_;
  const StateHandler handler_;

  std::shared_ptr<ForwardLink> link_;
  ForwardQueue queue_;
  net::Backoff backoff_;
  SittingBudget budget_;
  ForwardState state_ = ForwardState::kIdle;
  Nanoseconds now_{0}, since_{0};
  std::string last_error_;

  // Of the sitting.
  bool ready_ = false, opened_ = false, finishing_ = false, moving_ = false, probing_ = false;
  // The peer was seen to be away during this wait: a probe that reaches it may stay. Behind a front
  // that takes connections for it, one that it answers.
  bool probe_joins_ = false, behind_front_ = false;
  // The first keyframe: its place in the queue's count; once taken, the bytes that the peer must
  // have acknowledged for "live".
  uint64_t entry_popped_ = 0;
  std::optional<uint64_t> entry_bytes_;
  int64_t offset_ms_ = 0, queued_ms_ = 0;
  std::string impaired_;
  bool thin_ = false, thin_ends_ = false;
  uint64_t thinned_ = 0;
  Nanoseconds opened_at_{0}, progress_at_{0}, offered_at_{0};
  Nanoseconds live_since_{0}, checked_at_{0};
  ForwardLink::Flow flow_;
  AnswerHabit answers_;

  // Over sittings.
  std::optional<ForwardMove> move_;  // asked for, and not followed yet
  bool was_live_ = false, lived_before_ = false, published_ = false;
  std::optional<Nanoseconds> retry_at_, probe_at_, refused_since_;
  Nanoseconds tried_at_{0};  // when the last connection or probe began
  Nanoseconds down_since_{0};
  uint64_t reconnects_ = 0, sent_before_ = 0, drops_seen_ = 0;
  uint64_t lost_video_ = 0, lost_audio_ = 0;  // by the link
  std::string lost_reason_;
  std::optional<Nanoseconds> lost_at_;
  int media_failures_ = 0;  // sittings that what they were sent has ended, without a stable one
  std::optional<Nanoseconds> dropped_at_;
  struct Sample {
    Nanoseconds at{0};
    uint64_t in = 0, out = 0, frames = 0;
  } sample_;
  uint64_t offered_bytes_ = 0;
  double in_bps_ = 0, out_bps_ = 0, frame_rate_ = 0;
};

}  // namespace stream::media

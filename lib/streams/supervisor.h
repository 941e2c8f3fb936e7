// Runs one stream as its file says, like a small init: starts its programs in order, keeps them
// running, applies a changed file by its difference, moves the stream through its life and ends all
// of it within five seconds. When it was killed, the next one takes over what runs. run() is the
// one thread that acts; requests of the control socket are queued to it.
#pragma once
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "control/service.h"
#include "manifest/stream.h"
#include "os/wall_timer.h"
#include "streams/branch.h"
#include "streams/keeper.h"
#include "streams/teller.h"

namespace stream::streams {

enum class Keep {
  kSchedule,  // open each session until the last is over; without a schedule, now
  kOnce,      // only what is due now
  kNow,       // whatever the schedule says
};

class Supervisor {
 public:
  // `service` is that of stream-ctl under the stream's name; verbs and handlers are declared here.
  Supervisor(control::Service& service, manifest::Store& store, manifest::Stream stream, File file,
             BranchLimits limits, hooks::ReadSecret read_secret, Keep keep = Keep::kSchedule);
  ~Supervisor();

  // Until the stream has ended.
  Exit run();

 private:
  using Work = std::function<Json()>;
  struct Request;

  Json ask(Work work);  // from another thread: done by run()'s, waited for
  void answer_requests();
  void declare_verbs();
  Json apply(const File& file);
  Json restart(const std::string& tool);

  Branch& branch(const std::string& tool);
  Branch* find(const std::string& tool);
  void want_all();
  void want_archive();
  void step(Nanoseconds now);
  void wait(Nanoseconds now);
  std::string media(Nanoseconds now);
  void follow_media(Nanoseconds now);
  void set_destinations(Nanoseconds now);
  void take_rights(const std::optional<manifest::Rights>& before);
  bool keep_rights(Nanoseconds now);
  void look_for_recordings(Nanoseconds now, bool at_once);
  void begin_end(const std::string& reason, bool failed, Nanoseconds now);
  void step_end(Nanoseconds now);

  void begin_run();
  void keep(Nanoseconds now);
  void rest(const Decision& decision, Nanoseconds now);
  bool clock_has_leapt(Nanoseconds now);
  void open_session(const Session& session, manifest::WallTime now);
  void close_session(const std::string& reason);
  void note_missed(const std::vector<Session>& missed);
  void take_schedule();
  void tell_ready(const std::string& text);
  bool go_on();
  bool all_idle() const;
  std::string text_of(const Decision& decision) const;
  Json session_status() const;

  void move(manifest::Cause cause, const std::string& reason);
  void tell_moves();
  void save();
  void publish_status(Nanoseconds now);

  control::Service& service_;
  manifest::Store& store_;
  manifest::Stream stream_;
  File file_;
  const BranchLimits limits_;
  Teller teller_;
  std::vector<std::unique_ptr<Branch>> branches_;  // in the order of starting

  bool opened_ = false, ending_ = false, failed_ = false, over_ = false;
  std::string media_, end_reason_;
  Nanoseconds media_gone_{}, ending_since_{}, recordings_looked_{}, destinations_tried_{};
  unsigned destinations_of_ = 0;  // the start of stream-simulcast that has them
  bool destinations_due_ = true;
  std::optional<manifest::Rights> rights_;  // yet to be written
  Nanoseconds rights_next_{};

  const Keep keep_;
  std::optional<TimeZone> zone_;  // while the schedule counts
  bool asleep_ = false;           // until a session
  bool leaving_ = false;          // no session is waited for any more
  bool told_ready_ = false;
  std::atomic<bool> asked_{false};  // a person ends it, and not a signal
  manifest::WallTime looked_{}, look_{};
  Nanoseconds session_until_{};  // its end by the steady clock, as it was when it was opened
  bool schedule_changed_ = false, clock_told_ = false;
  Json next_;  // session
  os::WallTimer timer_;

  os::Fd wake_;
  std::mutex mutex_;
  std::deque<std::shared_ptr<Request>> requests_;
  bool closed_ = false;
  Json status_ = Json::object();
};

}  // namespace stream::streams

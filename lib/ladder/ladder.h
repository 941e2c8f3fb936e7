// A whole ladder: reads a source, decodes it once, scales it to every rung, lets each rung encode
// on its own thread, and keeps all renditions cut, numbered and dated alike. run() is for one
// thread; status() and stop() for any.
#pragma once
#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include "ladder/feed.h"
#include "ladder/plan.h"
#include "ladder/rung.h"
#include "ladder/sound.h"
#include "ladder/types.h"
#include "media/input.h"

namespace stream::media {

struct LadderOptions {
  LadderSpec spec;
  std::filesystem::path output;  // empty: it is on the bus alone
  SlowPolicy on_slow = SlowPolicy::kAuto;
  std::optional<hls::WallTime> date;  // of the first picture; none: now, as it comes
  std::string bus;  // the stream's name: each rung is bus:NAME/RUNG as well; empty: none is
  int cores = 2;
  EventSink event = [](const std::string&, EventFields) {};
  std::function<void()> alive = [] {};                            // the media clock moved
  std::function<void(const Plan&)> planned = [](const Plan&) {};  // before the first segment
  Rung::Probe probe;
};

struct LadderStatus {
  std::optional<Plan> plan;  // absent until the first picture or sound
  std::vector<RungStatus> rungs;
  std::optional<SoundStatus> sound;
  double position_seconds = 0, backlog_seconds = 0, speed = 0;
  bool live = false;
  int shed_step = 0, epoch = 0;
  uint64_t pictures = 0, damaged = 0, left_out = 0, dropped = 0;
};

class Ladder {
 public:
  explicit Ladder(LadderOptions options);
  ~Ladder();

  // Until the input ends or stop(); everything is finalised when it returns or throws. Throws what
  // the input and make_plan() throw, when the output can't be used, and kLocked "bus.live" when
  // another process has a rung of that name on the bus.
  void run(MediaInput& input);
  void stop();
  LadderStatus status() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Reads until two distances between keyframes were seen, or for a few segments; everything read is
// appended to `read`. What --copy-top needs to know.
SourceFacts examine(MediaInput& input, Nanoseconds segment, std::deque<MediaInput::Item>& read);

// The first picture and the first sound track of `tracks`; -1: none.
int first_track(const av::Tracks& tracks, av::MediaType type);

}  // namespace stream::media

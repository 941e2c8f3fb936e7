// One stream out of several inputs: at each time one of them is on air, the first in order of
// preference that delivers, or the slate. An input is taken at a keyframe; while it has none yet
// the one on air goes on. Each input has a hub and a timeline of its own that its source feeds;
// those that are not on air keep the packets since their newest keyframe. Pure but for the hubs:
// the clock is given, timers and the encoding of the slate are SwitchDriver's. One thread.
#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ingest/splicer.h"
#include "media/slate.h"

namespace stream::media {

class Switcher {
 public:
  struct Options {
    // An input that sends nothing for longer is not on air any more.
    Nanoseconds stall = std::chrono::seconds(3);
    bool slate = false;  // one will be given
    std::function<Nanoseconds()> clock = monotonic_now;
  };
  struct Switch {
    std::string to, from;  // names; "slate"; empty: nothing was on air before
    std::string reason;
    Nanoseconds gap{0};  // in which nothing was sent
  };
  using Observer = std::function<void(const Switch&)>;
  static constexpr const char* kSlateName = "slate";

  Switcher(Hub& out, Timeline& timeline, Options options, Observer observer);
  ~Switcher();
  Switcher(const Switcher&) = delete;

  // In the order of preference.
  size_t add(std::string name);
  size_t size() const noexcept { return inputs_.size(); }
  Hub& hub(size_t input);
  Timeline& timeline(size_t input);

  // The input's source is gone (it may come back); why.
  void gone(size_t input, const std::string& reason);
  // By name, "slate", or "auto" for the preference. False: no such input.
  bool select(const std::string& name);

  // Looks after stalls and plays the slate; to be called again after next_tick().
  void tick();
  Nanoseconds next_tick() const;

  // The stream's tracks when a slate should be made for them, once for each set of parameters.
  std::optional<av::Tracks> slate_wanted();
  void set_slate(std::shared_ptr<const Slate> slate) { next_slate_ = std::move(slate); }

  struct Info {
    std::string name;
    bool on_air = false, live = false;
    std::optional<Nanoseconds> silent;  // since its last packet
  };
  std::vector<Info> inputs() const;
  std::string on_air() const;                         // a name, "slate" or empty
  std::string selected() const { return selected_; }  // or "auto"
  bool live(size_t input) const;                      // delivers
  bool any_live() const;

 private:
  struct Input;
  static constexpr int kNone = -1, kSlate = -2;

  void attach(Input& input);
  void drain(size_t index);
  void take(size_t index, av::Packet packet);
  void forward(Input& input, const av::Packet& packet);
  int wanted() const;
  bool delivers(const Input& input) const;
  void go_to(size_t index, const std::string& reason);
  void go_to_slate(const std::string& reason);
  void play_slate();
  void look();
  std::string name_of(int source) const;
  std::string reason_for(int target) const;
  void tell(int to, const std::string& reason);

  Hub& out_;
  Splicer splicer_;
  Options options_;
  Observer observer_;
  std::vector<std::unique_ptr<Input>> inputs_;
  int on_air_ = kNone;
  std::string selected_ = "auto";
  Nanoseconds last_sent_{0};
  std::string slate_for_;  // parameters that a slate was wanted for
  std::shared_ptr<const Slate> slate_, next_slate_;
  std::optional<SlatePlayer> player_;
  Nanoseconds slate_begin_{0};
};

}  // namespace stream::media

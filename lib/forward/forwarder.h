// One input to many destinations: makes each message once, hands it to all, keeps the sessions open
// while the input is away, ends them in order. All on the io context's thread; each destination is
// on its own.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "forward/auto_encode.h"
#include "forward/destination.h"
#include "forward/encodes.h"
#include "forward/input.h"
#include "forward/profile.h"
#include "forward/rendition.h"
#include "forward/stand_in.h"
#include "forward/target_link.h"
#include "forward/uplink.h"

namespace stream::media {

// What may be encoded anew for a destination.
enum class EncodeMode {
  kSound,   // sound that it would not take
  kNever,   // nothing
  kAuto,    // the same, and pictures that do not fit its profile
  kAlways,  // the pictures whatever they are
};

struct ForwardDestinationOptions {
  std::string name;
  // Reads the address and the key: on another thread, for each connection. May throw Error.
  std::function<ForwardTarget()> target;
  const ForwardProfile* profile = find_forward_profile("custom");
  bool paused = false;
  EncodeMode encode = EncodeMode::kSound;
  std::optional<RungSpec> picture;  // how pictures are encoded; else as the profile says
  // As in ForwardProfile, where the profile says nothing.
  bool assume_enhanced = false;
  std::string sound_codecs = "aac mp3";
  std::string file;           // instead of a target
  bool lived_before = false;  // was live lately, before this process
  int priority = Uplink::kUsualPriority;
};

class Forwarder {
 public:
  // How the way out is shared.
  struct UplinkStatus {
    bool full = false;
    int64_t limit_bps = 0, wanted_bps = 0;  // limit: 0: not known
    std::vector<std::string> thinned, held;
    friend bool operator==(const UplinkStatus& a, const UplinkStatus& b) {
      return a.full == b.full && a.thinned == b.thinned && a.held == b.held;
    }
  };
  struct Handlers {
    std::function<void(const ForwardDestination&, ForwardState before, const std::string& reason)>
        state;
    std::function<void(const std::string& destination, const ForwardFinding&)> finding;
    std::function<void(const av::Tracks&)> tracks;  // the input is there (again)
    std::function<void()> lost;                     // the input is gone and is waited for
    std::function<void()> media;                    // the media clock moved
    // An encoding began or ended, falls behind or keeps up again.
    std::function<void(const std::string& event, const RungSpec& spec)> encode;
    std::function<void(const UplinkStatus&)> uplink;  // it is shared in another way
    std::function<void(std::exception_ptr)> ended;    // the input, for good; then stop()
  };
  struct Options {
    std::string input;
    std::chrono::milliseconds hold{0};
    bool slate = false;  // meanwhile the last picture and silence
    ForwardPolicy policy;
    std::string ca_file;
    int64_t uplink_bps = 0;  // what all destinations together may have; 0: not known
  };

  Forwarder(boost::asio::io_context& io, Options options, Handlers handlers);
  ~Forwarder();
  Forwarder(const Forwarder&) = delete;

  // Begins to read.
  void run();
  // Each destination's own queue first, at most 2 s; then `done`, once.
  void stop(std::function<void()> done);

  // Throw Error kUsage "destination.name" for a name that is taken, or absent.
  void add(ForwardDestinationOptions options);
  void remove(const std::string& name);
  void pause(const std::string& name);
  void resume(const std::string& name);

  std::vector<const ForwardDestination*> destinations() const;
  const ForwardProfile& profile_of(const std::string& name) const;
  const RenditionPlan& plan_of(const std::string& name) const;
  const av::Tracks& tracks() const noexcept { return tracks_; }
  struct Encoding {
    std::string name;  // as its user would write it; "sound"
    std::vector<std::string> destinations;
    PictureEncode::Status status;
    bool slow = false;
  };
  std::vector<Encoding> encodings() const;
  ForwardMeasure measure() const;
  UplinkStatus uplink() const;
  UplinkShare share_of(const std::string& name) const;
  bool input_lost() const noexcept { return lost_; }

 private:
  struct Entry {
    ForwardDestinationOptions options;
    std::unique_ptr<ForwardDestination> destination;
    bool started = false;
    std::vector<std::string> told;                 // findings that were reported
    std::shared_ptr<Rendition> rendition, before;  // `before` until the change is made
    AutoEncode auto_encode;
    uint64_t order = 0;                // of being added
    std::optional<UplinkShare> share;  // once it was judged
  };
  Entry& entry(const std::string& name);
  void take(std::vector<ForwardInput::Item> items);
  void take_tracks(const av::Tracks& tracks);
  void take_packet(const av::Packet& packet);
  void distribute(const av::Packet& packet, Nanoseconds shift);
  void flush();
  void tick();
  void look(Nanoseconds now);
  void show_stand_in(Nanoseconds now);
  void reached(const av::Packet& packet, Nanoseconds shift);
  bool fits(Entry& entry);
  RenditionPlan plan_for(Entry& entry) const;
  bool pictures_fit(const Entry& entry, int track, const RungSpec& setting) const;
  void arrange();
  void arrange(Entry& entry);
  void tell_encodes();
  void encoded(const RungSpec* picture, const av::Packet& packet);
  void end_input();
  void look_at_encodes(Nanoseconds now);
  void finish_input(std::exception_ptr error);
  std::optional<Uplink::User> uplink_user(const std::string& name, const Entry& entry) const;
  void balance(Nanoseconds now);
  void set_share(Entry& entry, UplinkShare share, Nanoseconds now);
  void start_if_ready(Entry& entry, Nanoseconds now);
  void finish_stop(Nanoseconds now);
  void measure_packet(const av::Packet& packet, Nanoseconds time);

  boost::asio::io_context& io_;
  const Options options_;
  const Handlers handlers_;
  ForwardNetwork network_;
  std::vector<std::shared_ptr<Rendition>> renditions_;
  std::map<std::string, Entry> entries_;
  uint64_t added_ = 0;  // entries, ever
  Uplink uplink_;
  UplinkStatus uplink_told_;
  ForwardEncodes encodes_;
  std::vector<RungSpec> encoding_;  // what was told to be encoded
  boost::asio::steady_timer timer_;
  Nanoseconds ticked_at_{0}, looked_at_{0}, judged_at_{0};
  std::unique_ptr<ForwardInput> input_;
  std::optional<Nanoseconds> ending_;  // when the input ended, while encodings finish
  std::exception_ptr end_error_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);

  av::Tracks tracks_;
  bool lost_ = false, rebase_ = false;
  Nanoseconds shift_{0};    // from the input's timeline to ours
  Nanoseconds end_{0};      // of what was distributed, on our timeline
  Nanoseconds arrived_{0};  // when that came
  std::optional<Nanoseconds> first_arrival_;
  StandIn stand_in_;
  Nanoseconds stand_in_from_{0}, stand_in_since_{0};  // on our timeline; by the clock

  // Of the last few seconds of media.
  struct Window {
    Nanoseconds begin{0}, keyframe{0};
    uint64_t video_bytes = 0, keyframe_bytes = 0, bytes = 0;
    double keyframe_s = 0;
    int keyframes = 0;
  } window_;
  ForwardMeasure measure_;

  std::function<void()> stopped_;
  std::optional<Nanoseconds> stop_at_;
  bool cut_ = false;
};

}  // namespace stream::media

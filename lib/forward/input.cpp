#include "forward/input.h"

#include <boost/asio/post.hpp>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "forward/loop_wait.h"
#include "media/input.h"
#include "os/fiber.h"

namespace stream::media {
namespace {

using Clock = std::chrono::steady_clock;
using Interrupter = av::Input::Interrupter;
using std::chrono::milliseconds;

// What the loop has not taken yet; the thread waits then, and the source drops on its side.
constexpr size_t kMaxWaitingBytes = 16u << 20;
// Sound goes along with the next picture if that is due so soon: one wake-up, and one write per
// destination, less.
constexpr auto kRideAlong = milliseconds(40);
// A packet that is due so soon is not waited for.
constexpr auto kSoon = milliseconds(20);
// A stream's next picture is looked for so long after it is due: it is there by then, and with it
// the sound in between, for one wake-up. When it came is only seen when it was waited for, so each
// look is a little earlier than the one before, until one is too early.
constexpr auto kGather = milliseconds(3);
constexpr auto kCreep = std::chrono::microseconds(200);
constexpr size_t kMostGathered = 64 << 10;  // a writer must not be held up

bool has_video(const av::Tracks& tracks) {
  for (const av::Track& track : tracks) {
    if (track.type == av::MediaType::kVideo) return true;
  }
  return false;
}

}  // namespace

// What is done whatever waits for the media; put() takes it to the loop.
struct ForwardInput::State : std::enable_shared_from_this<State> {
  boost::asio::io_context& io;
  const std::string spec;
  const milliseconds hold;
  const Handler handler;
  const std::shared_ptr<Interrupter> interrupter;
  bool own_times = false;

  State(boost::asio::io_context& context, std::string what, milliseconds how_long, Handler to,
        std::shared_ptr<Interrupter> interrupts)
      : io(context),
        spec(std::move(what)),
        hold(how_long),
        handler(std::move(to)),
        interrupter(std::move(interrupts)) {}
  virtual ~State() = default;
  InputOptions options(milliseconds wait) const {
    InputOptions o{wait, interrupter};
    o.own_times = own_times;
    o.repair = true;  // a picture that says to be of tomorrow must not be waited for
    return o;
  }
  virtual void begin() = 0;
  virtual void end() = 0;
  // With `may_wait` the item stays here until the next one that may not, or kRideAlong is over.
  virtual void put(Item item, bool may_wait = false) = 0;
  // A picture of a stream came whose next one is due after `interval`.
  virtual void pictured(Nanoseconds, size_t) {}

  // Sleeps until the packet is due; false when interrupted.
  bool pace(Clock::time_point due) const {
    for (;;) {
      if (interrupter->interrupted()) return false;
      const auto left = std::chrono::ceil<milliseconds>(due - Clock::now());
      if (left < kSoon) return true;
      interrupter->wait(-1, left);
    }
  }

  // Reads to the end; true when live media ended by itself, so that it may come back.
  bool read(MediaInput& input) {
    put(input.tracks());
    std::optional<Clock::time_point> begin;
    Nanoseconds first{0}, last{0};
    for (;;) {
      MediaInput::Item item = input.read();
      if (std::holds_alternative<MediaInput::End>(item)) break;
      if (std::holds_alternative<MediaInput::TracksChanged>(item)) {
        put(input.tracks());
        continue;
      }
      av::Packet& packet = std::get<av::Packet>(item);
      const av::Track& track = input.tracks()[static_cast<size_t>(packet.track)];
      const bool rides = track.type == av::MediaType::kAudio && has_video(input.tracks());
      if (!rides) {
        const Nanoseconds time{rescale(packet.dts, track.time_base, kNanosecondBase)};
        if (!begin) {
          begin = Clock::now();
          first = last = time;
        }
        if (input.waits_for_reader() && !pace(*begin + (time - first))) return false;
        pictured(time - last, packet.data.size());
        last = time;
      }
      put(std::move(packet), rides);
    }
    return !input.waits_for_reader() && !interrupter->interrupted();
  }

  void run() {
    Ended ended;
    try {
      bool live = false;
      {
        MediaInput input(spec, options(milliseconds(3000)));
        live = read(input);
      }
      while (live && hold.count() > 0) {
        put(Lost{});
        live = read_again();
      }
    } catch (const Error& error) {
      if (!interrupter->interrupted()) ended.error = std::current_exception();
    }
    put(std::move(ended));
  }

  // False when it did not come back in time.
  bool read_again() {
    const auto deadline = Clock::now() + hold;
    while (!interrupter->interrupted()) {
      const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
      if (left.count() <= 0) return false;
      try {
        MediaInput input(spec, options(std::min(left, milliseconds(1000))));
        return read(input);
      } catch (const Error&) {
        if (!pace(std::min(deadline, Clock::now() + milliseconds(250)))) return false;
      }
    }
    return false;
  }
};

// Files and URLs: FFmpeg's protocols wait wherever they like.
struct ForwardInput::OnThread : State {
  std::thread thread;
  std::mutex mutex;
  std::condition_variable room;
  std::vector<Item> items;
  size_t bytes = 0;
  bool posted = false, stopped = false;
  Clock::time_point posted_at{};

  OnThread(boost::asio::io_context& context, std::string what, milliseconds how_long, Handler to)
      : State(context, std::move(what), how_long, std::move(to), std::make_shared<Interrupter>()) {}

  void begin() override {
    thread = std::thread([this] { run(); });
  }
  void end() override {
    {
      const std::lock_guard lock(mutex);
      stopped = true;
    }
    room.notify_all();
    interrupter->interrupt();
    thread.join();
  }

  void put(Item item, bool may_wait) override {
    std::unique_lock lock(mutex);
    room.wait(lock, [this] { return stopped || bytes < kMaxWaitingBytes; });
    if (stopped) return;
    if (const auto* packet = std::get_if<av::Packet>(&item)) bytes += packet->data.size();
    items.push_back(std::move(item));
    if (posted) return;
    const auto now = Clock::now();
    if (may_wait && now - posted_at < kRideAlong) return;
    posted = true;
    posted_at = now;
    lock.unlock();
    boost::asio::post(
        io, [self = std::static_pointer_cast<OnThread>(shared_from_this())] { self->deliver(); });
  }

  void deliver() {
    std::vector<Item> taken;
    {
      const std::lock_guard lock(mutex);
      taken.swap(items);
      bytes = 0;
      posted = false;
      if (stopped) return;
    }
    room.notify_all();
    handler(std::move(taken));
  }
};

// A bus or a pipe: read on the loop's own thread, without a hop from one thread to another for each
// picture. The demuxer, which only knows how to wait, has a stack of its own to wait on.
struct ForwardInput::OnLoop : State {
  os::Fiber fiber;
  bool begun = false, stopped = false;
  std::vector<Item> items;
  bool urgent = false;
  Clock::time_point delivered_at{};
  int pictures = 0;         // of this turn
  Clock::time_point due{};  // the next one

  OnLoop(boost::asio::io_context& context, std::string what, milliseconds how_long, Handler to)
      : State(context, std::move(what), how_long, std::move(to),
              std::make_shared<LoopWait>(context, [this] { fiber.stop(); })),
        fiber([this] { run(); }) {}
  LoopWait& waits() { return static_cast<LoopWait&>(*interrupter); }

  void begin() override {
    waits().on_ready([this] { step(); });
    boost::asio::post(io, [self = std::static_pointer_cast<OnLoop>(shared_from_this())] {
      if (!self->stopped) self->step();
    });
  }
  void end() override {
    stopped = true;
    interrupter->interrupt();
    while (begun && !fiber.ended()) fiber.resume();
  }

  void step() {
    const auto self = shared_from_this();
    begun = true;
    pictures = 0;
    fiber.resume();
    const auto now = Clock::now();
    if (items.empty() || (!urgent && now - delivered_at < kRideAlong)) return;
    std::vector<Item> taken;
    taken.swap(items);
    urgent = false;
    delivered_at = now;
    handler(std::move(taken));
  }

  void put(Item item, bool may_wait) override {
    if (stopped) return;
    items.push_back(std::move(item));
    urgent |= !may_wait;
  }

  void pictured(Nanoseconds interval, size_t bytes) override {
    const auto now = Clock::now();
    const bool seen = waits().take_waited() || due > now || now - due > kRideAlong;
    due = (seen ? now : due - kCreep) + interval;
    const bool alone = ++pictures == 1 && bytes < kMostGathered && interval < kRideAlong;
    waits().rest_until(alone ? due + kGather : Clock::time_point());
  }
};

ForwardInput::ForwardInput(boost::asio::io_context& io, std::string spec, milliseconds hold,
                           Handler handler, bool own_times) {
  if (MediaInput::is_stream(spec))
    state_ = std::make_shared<OnLoop>(io, std::move(spec), hold, std::move(handler));
  else
    state_ = std::make_shared<OnThread>(io, std::move(spec), hold, std::move(handler));
  state_->own_times = own_times;
  state_->begin();
}

ForwardInput::~ForwardInput() {
  state_->end();
}

}  // namespace stream::media

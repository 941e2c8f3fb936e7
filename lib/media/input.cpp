#include "media/input.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <limits>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "base/url.h"
#include "media/repair.h"
#include "os/dirs.h"
#include "os/fd.h"
#include "os/unix_socket.h"

namespace stream::media {
namespace {

using Interrupter = av::Input::Interrupter;

constexpr std::string_view kBus = "bus:";
constexpr std::chrono::milliseconds kRetry{20};
// Encoders put priming and reordered pictures a little before 0; that is a start at 0 as well.
constexpr Nanoseconds kNear = std::chrono::milliseconds(500);
constexpr size_t kMaxHeld = 200;                            // packets read ahead at the start, and
constexpr Nanoseconds kMaxAhead = std::chrono::seconds(1);  // their span: a track may be silent

bool is_live_url(const std::string& spec) {
  static constexpr std::string_view kLive[] = {"rtmp", "rtmps", "rtsp", "srt", "udp", "rtp"};
  const auto url = parse_url(spec);
  return url && std::find(std::begin(kLive), std::end(kLive), url->scheme) != std::end(kLive);
}

[[noreturn]] void throw_absent(const std::string& spec) {
  std::string live;
  const auto add = [&](const std::string& name) {
    live += (live.empty() ? "bus:" : ", bus:") + name;
  };
  for (const std::string& name : os::live_streams()) {
    if (os::socket_is_live(os::media_socket_path(name)))  // not one that only its readers wait for
      add(name);
    for (const std::string& rung : os::live_rungs(name)) add(name + "/" + rung);
  }
  throw Error(Exit::kNotRunning, "bus.absent", "cannot read " + spec + ": no such stream is live",
              live.empty() ? "nothing is live; start one with stream-ingest" : "live now: " + live);
}

// A connection to the bus, retried for `wait`. When `ended` means "gone": a socket file that was
// removed ended the stream properly, one that refuses belongs to a publisher that died and may be
// restarted.
os::Fd join_bus(const std::string& name, const InputOptions& options, bool gone_ends) {
  const std::string path = os::media_socket_path(name);
  const Nanoseconds deadline = monotonic_now() + options.wait;
  for (;;) {
    if (os::Fd fd = os::connect_unix(path)) return fd;
    if (errno != ENOENT && errno != ECONNREFUSED && errno != EAGAIN)
      throw_errno("connect to", "bus:" + name, errno, "the bus belongs to another user?");
    const bool gone = errno == ENOENT && gone_ends;
    if (gone || monotonic_now() >= deadline || options.interrupter->interrupted()) return {};
    options.interrupter->wait(-1, kRetry);
  }
}

}  // namespace

struct MediaInput::State {
  std::string spec;
  InputOptions options;
  std::optional<av::Input> input;
  std::deque<av::Packet> held;            // read ahead at the start of a sitting
  std::vector<bool> needs_discontinuity;  // per track, after a bus was joined again
  std::optional<TimeRepair> repair;       // of the sitting
  Nanoseconds offset{0}, last_end{0};
  bool ended = false;

  bool is_bus() const { return spec.starts_with(kBus); }
  std::string bus_name() const { return spec.substr(kBus.size()); }
  Rational time_base(const av::Packet& p) const {
    return input->tracks()[static_cast<size_t>(p.track)].time_base;
  }
  void open();
  void find_start(Nanoseconds start_at);
  bool rejoin();
  av::Packet placed(av::Packet packet);
};

void MediaInput::State::open() {
  if (is_bus()) {
    check_bus_name(bus_name());
    os::Fd fd = join_bus(bus_name(), options, false);
    if (!fd && options.interrupter->interrupted())
      throw Error(Exit::kTerminated, "input.interrupted", "stopped while waiting for " + spec);
    if (!fd) throw_absent(spec);
    input = av::Input::from_fd(std::move(fd), spec, "nut", options.interrupter);
  } else if (spec == "-") {
    os::Fd fd(::dup(STDIN_FILENO));
    if (!fd) throw_errno("read", "standard input", errno);
    input = av::Input::from_fd(std::move(fd), "standard input", {}, options.interrupter);
  } else if (os::is_fifo(spec)) {
    // Without blocking: a writer may never come.
    os::Fd fd(::open(spec.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    if (!fd) throw_errno("read", escaped(spec), errno);
    input = av::Input::from_fd(std::move(fd), spec, {}, options.interrupter);
  } else {
    input = av::Input::open(spec, options.interrupter);
  }
  find_start(Nanoseconds{0});
  if (is_bus()) input->gather(options.turn);
}

// Reads ahead until every track has shown its first time, so that the earliest lands on `start_at`.
void MediaInput::State::find_start(Nanoseconds start_at) {
  std::vector<bool> seen(input->tracks().size());
  Nanoseconds earliest = Nanoseconds::max(), latest = Nanoseconds::min();
  held.clear();
  while (held.size() < kMaxHeld && (held.empty() || latest - earliest < kMaxAhead) &&
         !std::all_of(seen.begin(), seen.end(), [](bool s) { return s; })) {
    auto packet = input->read();
    if (!packet) break;
    if (packet->dts == kNoTime) continue;
    const size_t track = static_cast<size_t>(packet->track);
    seen.resize(input->tracks().size());
    seen[track] = true;
    const Nanoseconds at(rescale(packet->dts, time_base(*packet), kNanosecondBase));
    earliest = std::min(earliest, at);
    latest = std::max(latest, at);
    held.push_back(std::move(*packet));
  }
  repair.reset();
  const bool live = is_bus() || is_stream(spec) || !input->finite();
  if (options.repair && !input->keeps_contract())
    repair.emplace(input->tracks(), held, live ? TimeRepair::Kind::kLive : TimeRepair::Kind::kFile);
  const bool near = start_at == Nanoseconds{0} && std::chrono::abs(earliest) < kNear;
  const bool as_they_are = held.empty() || near || options.own_times;
  offset = as_they_are ? Nanoseconds{0} : start_at - earliest;
}

// True when the publisher goes on: it ended the sitting to announce another track, or was
// restarted.
bool MediaInput::State::rejoin() {
  if (!is_bus() || options.interrupter->interrupted()) return false;
  os::Fd fd = join_bus(bus_name(), options, true);
  if (!fd) return false;
  try {
    input = av::Input::from_fd(std::move(fd), spec, "nut", options.interrupter);
  } catch (const Error&) {
    return false;  // it ended before any media came
  }
  find_start(last_end);
  input->gather(options.turn);
  needs_discontinuity.assign(input->tracks().size(), true);
  return !held.empty();
}

av::Packet MediaInput::State::placed(av::Packet packet) {
  const Rational base = time_base(packet);
  const int64_t shift = rescale(offset.count(), kNanosecondBase, base);
  packet.pts += shift;
  packet.dts += shift;
  const Nanoseconds end(rescale(packet.dts + packet.duration, base, kNanosecondBase));
  last_end = std::max(last_end, end);
  const size_t track = static_cast<size_t>(packet.track);
  if (track < needs_discontinuity.size() && needs_discontinuity[track]) {
    av::Mark mark = packet.mark ? *packet.mark : av::Mark{};
    mark.discontinuity = true;
    packet.mark = std::make_shared<const av::Mark>(std::move(mark));
    needs_discontinuity[track] = false;
  }
  return packet;
}

MediaInput::MediaInput(std::string spec, InputOptions options) : state_(std::make_unique<State>()) {
  state_->spec = std::move(spec);
  state_->options = std::move(options);
  if (!state_->options.interrupter) state_->options.interrupter = std::make_shared<Interrupter>();
  state_->open();
}
MediaInput::MediaInput(MediaInput&&) noexcept = default;
MediaInput::~MediaInput() = default;

const av::Tracks& MediaInput::tracks() const noexcept {
  return state_->input->tracks();
}
const std::string& MediaInput::spec() const noexcept {
  return state_->spec;
}
void MediaInput::interrupt() noexcept {
  state_->options.interrupter->interrupt();
}

bool MediaInput::is_stream(const std::string& spec) {
  return spec.starts_with(kBus) || (spec == "-" ? os::is_pipe(STDIN_FILENO) : os::is_fifo(spec));
}

bool MediaInput::waits_for_reader() const noexcept {
  return !state_->is_bus() && !is_live_url(state_->spec);
}

MediaInput::Item MediaInput::read() {
  State& s = *state_;
  if (s.options.interrupter->interrupted() || s.ended) return End{};
  const size_t known = s.input->tracks().size();
  for (;;) {
    if (s.repair)
      if (auto packet = s.repair->pop()) return s.placed(std::move(*packet));
    const bool was_held = !s.held.empty();
    std::optional<av::Packet> packet = was_held ? std::move(s.held.front()) : s.input->read();
    if (was_held) s.held.pop_front();
    if (!packet && s.repair && !s.repair->finished()) {
      s.repair->finish();
      continue;
    }
    if (!packet) {
      if (s.rejoin()) return TracksChanged{};
      s.ended = true;
      return End{};
    }
    if (packet->dts == kNoTime) continue;  // undated packets cannot be placed
    if (s.input->tracks().size() != known) {
      s.held.push_back(std::move(*packet));
      return TracksChanged{};
    }
    if (!s.repair) return s.placed(std::move(*packet));
    s.repair->follow(s.input->tracks());
    s.repair->push(std::move(*packet), monotonic_now());
  }
}

}  // namespace stream::media

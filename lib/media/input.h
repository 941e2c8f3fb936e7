// What a program reads with -i: "-", "bus:NAME", "bus:NAME/RUNG", a path or a URL, to the contract
// of stream(7). One thread reads; interrupt() may come from any.
#pragma once
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "av/input.h"
#include "av/packet.h"
#include "av/track.h"

namespace stream::media {

struct InputOptions {
  // How long to wait for a bus that is not there yet, or that broke off without ending.
  std::chrono::milliseconds wait{3000};
  // Ends what blocks, the constructor too, from any thread; one of its own when null.
  std::shared_ptr<av::Input::Interrupter> interrupter = {};
  // For who is in no hurry: how long what comes on a bus may gather before it is read.
  std::chrono::milliseconds turn{0};
  // What does not promise its times (stream(7)) gets them repaired, see TimeRepair: who records or
  // encodes it must not lose what follows a wrong time. A file keeps its gaps.
  bool repair = false;
  // The source's times as they are, for who compares several that share a clock (rungs of a
  // ladder): they start anywhere, and anew when the source does.
  bool own_times = false;
};

class MediaInput {
 public:
  // Blocks until the tracks are known. Throws Error: kNotRunning "bus.absent" that lists the live
  // streams, "input.open" otherwise, "input.interrupted".
  explicit MediaInput(std::string spec, InputOptions options = {});
  MediaInput(MediaInput&&) noexcept;
  ~MediaInput();

  struct TracksChanged {};  // tracks() differs from here on: a bus was joined again
  struct End {};            // the source ended, or interrupt()
  using Item = std::variant<av::Packet, TracksChanged, End>;

  const av::Tracks& tracks() const noexcept;
  // Times start near 0 and never step, also over a bus that was joined again: the first packet of
  // each track after TracksChanged then carries a discontinuity. Throws Error kInputDamaged when
  // the source breaks for good.
  Item read();

  // True for a file or a pipe, which wait for the reader; false for live media, which does not.
  bool waits_for_reader() const noexcept;
  const std::string& spec() const noexcept;
  // A bus, or a pipe by whatever name: nothing but the interrupter's wait() ever waits in it.
  static bool is_stream(const std::string& spec);

  // Ends a blocked read() with End. Any thread.
  void interrupt() noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stream::media

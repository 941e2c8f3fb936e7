// Media from a file, a URL or a descriptor, as packets. One thread reads; interrupt() may come from
// any. Times are as the source has them; only missing decoding times are derived.
#pragma once
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "av/connect_guard.h"
#include "av/packet.h"
#include "av/track.h"
#include "os/fd.h"

namespace stream::av {

struct InputOptions {
  // A network source that gives nothing for so long has broken off; zero: it is waited for.
  Nanoseconds timeout{0};
  // Asked before each connection that opening or reading makes; none: all are allowed.
  MayConnect may_connect;
  // FFmpeg's names of protocols that it may lead to beside its own, for example "file,crypto".
  std::string protocols;
};

class Input {
 public:
  // A handle that ends a blocked open or read() from another thread; it may serve several inputs in
  // turn.
  class Interrupter;

  // `spec` is a path or a URL. A URL opens only what its own protocol needs, unless told: a
  // playlist fetched over HTTP can not name local files. Throws Error "input.open" naming the
  // redacted spec, with Exit::kNetwork when trying again may help.
  static Input open(const std::string& spec, std::shared_ptr<Interrupter> interrupter = {},
                    const InputOptions& options = {});
  // Reads a pipe or a socket, which it then owns. `name` is for messages; `container` is FFmpeg's
  // name where it is known, which saves the 2 KiB that probing waits for.
  static Input from_fd(os::Fd fd, const std::string& name, const std::string& container = {},
                       std::shared_ptr<Interrupter> interrupter = {});

  // Of a pipe or a socket, for who is in no hurry: while little is there, what comes within so long
  // is waited for and read at once, which wakes this process less often.
  void gather(std::chrono::milliseconds turn);

  // Bytes that somebody else receives: fills the span, as far as there is something, and waits for
  // at least one byte; 0: the end. It is to return when interrupted. The media is live: a last
  // picture that may have been cut off is left out.
  using Reader = std::function<size_t(std::span<uint8_t>)>;
  static Input from_reader(Reader reader, const std::string& name, const std::string& container,
                           std::shared_ptr<Interrupter> interrupter = {});
  // The same for live MPEG-TS: returns at once, without any track. Tracks appear with their first
  // packet and are of one program, the first of the table that sends media; they say the codec
  // alone, the rest is in the packets. Times are as sent, 33 bits that wrap; kNoTime where the
  // stream has none.
  static Input from_live_ts(Reader reader, const std::string& name,
                            std::shared_ptr<Interrupter> interrupter = {});

  Input(Input&&) noexcept;
  Input& operator=(Input&&) noexcept;
  ~Input();

  // Of live MPEG-TS: programs that the source has beside the one that is read.
  int left_out_programs() const noexcept;

  // Packet::track is an index into this; tracks that are neither picture nor sound are left out.
  const Tracks& tracks() const noexcept;
  // FFmpeg's name of the container, for example "nut".
  const std::string& format() const noexcept;

  // nullopt: the end, or interrupted. Throws Error kInputDamaged "input.read" when reading fails
  // for good; what came before is good.
  std::optional<Packet> read();
  bool interrupted() const noexcept;
  // Its writer promises the contract of stream(7), see Output.
  bool keeps_contract() const noexcept;
  // It has an end that is known: a file, a recording. Live media has none.
  bool finite() const noexcept;

  std::shared_ptr<Interrupter> interrupter() const;

 private:
  struct State;
  explicit Input(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

class Input::Interrupter {
 public:
  Interrupter();
  virtual ~Interrupter();
  Interrupter(const Interrupter&) = delete;
  void interrupt() noexcept;
  bool interrupted() const noexcept;

  // Until `fd` is readable, which is true, or interrupted; with `fd` < 0 until the time is over.
  // May return too early. With poll(2); one that belongs to an event loop gives way to it instead.
  virtual bool wait(int fd, std::chrono::milliseconds timeout = std::chrono::milliseconds(-1));
  // Nothing waits for `fd` any more: it is about to be closed.
  virtual void release(int) noexcept {}

 private:
  std::atomic<bool> interrupted_{false};  // FFmpeg asks before every read
  os::Fd event_;
};

}  // namespace stream::av

// Tells the hooks of a stream what happens to it: the moves of its life, its recordings, and what
// stream-ctl itself and the programs that it runs say in their events. Driven by the supervisor's
// thread, which waits for no receiver.
#pragma once
#include <poll.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "control/client.h"
#include "control/service.h"
#include "hooks/hooks.h"
#include "manifest/stream.h"

namespace stream::streams {

using Json = nlohmann::json;

// "stream.live": the event of having come to a state.
const char* event_of(manifest::Life life);

// The event of a stream's last move, as hooks get it. `since`: the move before.
struct Told {
  Json event;
  std::string id;
};
Told told_of_move(const manifest::Stream& stream, manifest::WallTime since);

class Teller {
 public:
  Teller(control::Service& service, std::string stream, hooks::ReadSecret read_secret);
  ~Teller();

  void set(const std::vector<hooks::Hook>& hooks);
  // Listens to RUNTIME/STREAM/TOOL.sock from now on, if it answers; to be called again and again.
  void follow(const std::string& tool, Nanoseconds now);
  void step();
  void add_handles(std::vector<pollfd>& fds) const;

  // To be called before the manifest that holds it is saved: after a kill between the two the same
  // is told once more under the same id, and nothing is left out. `since`: the move before.
  void moved(const manifest::Stream& stream, manifest::WallTime since);
  void recording_ready(const manifest::StreamRecording& recording, size_t files);

  void retry(const std::string& hook) { hooks_.retry(hook); }
  void finish() { hooks_.finish(std::chrono::milliseconds(2500)); }
  Json status() const { return hooks_.status(); }

 private:
  void put_line(const std::string& line);

  control::Service& service_;
  const std::string stream_;
  std::map<std::string, std::unique_ptr<control::Client>> clients_;
  std::map<std::string, Nanoseconds> next_try_;

  std::mutex mutex_;
  std::vector<control::Line> own_;  // what stream-ctl said since the last step
  uint64_t subscription_ = 0;
  hooks::Hooks hooks_;  // goes first: its threads emit
};

}  // namespace stream::streams

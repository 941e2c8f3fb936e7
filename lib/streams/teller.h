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

// The events of those moves of a stream that are untold, as hooks get them. To be put where they
// survive only after the manifest that holds the moves is saved, so that nothing is told that a
// kill undoes; after a kill between the two, or before mark_told() is saved, they are told by
// whoever comes next, under the same ids.
struct Told {
  Json event;
  std::string id;
};
std::vector<Told> untold(const manifest::Stream& stream);

class Teller {
 public:
  Teller(control::Service& service, std::string stream, hooks::ReadSecret read_secret);
  ~Teller();

  void set(const std::vector<hooks::Hook>& hooks);
  // Listens to RUNTIME/STREAM/TOOL.sock from now on, if it answers; to be called again and again.
  void follow(const std::string& tool, Nanoseconds now);
  void step();
  void add_handles(std::vector<pollfd>& fds) const;

  void put(const std::vector<Told>& told);
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

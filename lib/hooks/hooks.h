// All hooks of one stream: whoever makes an event puts it here, and each hook that wants it gets it
// by a sender of its own. Nothing here waits for a receiver. Used by one thread.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "hooks/sender.h"

namespace stream::hooks {

class Hooks {
 public:
  // `directory`: STATE/NAME/hooks.
  Hooks(std::string stream, std::string directory, ReadSecret read_secret, Emit emit,
        SendLimits limits = {});
  ~Hooks();

  // From here on these; what waits for one that is there no more stays on the disk.
  void set(const std::vector<Hook>& hooks);
  bool empty() const { return senders_.empty(); }
  // `event` is a document of stream-events(7); the id is made of it unless one is given. On the
  // disk for each hook that wants it when this returns.
  void put(const Json& event, const std::string& id = {});
  void retry(const std::string& hook);  // empty: all
  // Tries what waits once more, for so long at the most.
  void finish(std::chrono::milliseconds limit);
  Json status() const;

 private:
  const std::string stream_, directory_;
  const ReadSecret read_secret_;
  const Emit emit_;
  const SendLimits limits_;
  std::vector<std::unique_ptr<Sender>> senders_;
};

// STATE/NAME/hooks, with a folder for each hook.
std::string hooks_directory(const std::string& stream);

}  // namespace stream::hooks

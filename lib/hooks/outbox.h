// What is still to be sent to one hook: a file per message, written to the disk before it counts,
// removed once the receiver has it, in the order of coming. Survives a kill between any two steps.
// Thread-safe; of two processes one may put and another take.
#pragma once
#include <chrono>
#include <deque>
#include <mutex>
#include <optional>
#include <string>

#include "hooks/hook.h"

namespace stream::hooks {

using WallTime = std::chrono::system_clock::time_point;

class Outbox {
 public:
  struct Entry {
    uint64_t number = 0;
    Message message;
    WallTime created;
  };
  struct Size {
    size_t count = 0;
    std::optional<WallTime> oldest;
  };
  static constexpr size_t kMost = 10'000;

  // Reads the names in `directory`, which need not be there.
  explicit Outbox(std::string directory);

  // For the process that puts, before it does: what a killed one left half-written goes.
  void clean();
  // On the disk when it returns; nothing happens when a message of this id waits already. Returns
  // the id of the oldest when that had to go to make room. Throws Error "os" and then has nothing.
  std::optional<std::string> put(const Message& message, WallTime now);
  // The oldest; a file that can't be read as one is left aside as NAME.bad, with a line in the log.
  std::optional<Entry> front();
  void remove(const Entry& entry);
  Size size();

 private:
  struct Name {
    uint64_t number;
    std::string id;
  };
  std::string path(const Name& name) const;
  std::optional<Entry> read(const Name& name);

  const std::string directory_;
  std::mutex mutex_;
  std::deque<Name> names_;
  uint64_t next_ = 1;
};

}  // namespace stream::hooks

// What a schedule asks for at an instant, given what became of its sessions so far. Each session is
// opened once: one that was closed stays so, one that was interrupted goes on. Pure; a clock that
// steps only leads to another instant.
#pragma once
#include <optional>
#include <vector>

#include "manifest/stream.h"
#include "streams/schedule.h"

namespace stream::streams {

enum class Todo {
  kWait,   // nothing runs; `session` comes next
  kOpen,   // `session` begins, late when its start has passed
  kStay,   // `session` is open, or follows the open one without a pause
  kClose,  // the open one has ended
  kOver,   // nothing runs, and no session comes any more
};

struct Decision {
  Todo todo = Todo::kWait;
  std::optional<Session> session;
  manifest::WallTime look;      // when to decide anew at the latest
  std::vector<Session> missed;  // nothing ran in their time; to be noted
};

// `since`: when the stream was made; nothing before that was missed.
Decision decide(const Schedule& schedule, const TimeZone& zone,
                const std::vector<manifest::StreamSession>& known, manifest::WallTime since,
                manifest::WallTime now);

}  // namespace stream::streams

// What the verbs of webhooks share with those that end and schedule streams.
#pragma once
#include <nlohmann/json.hpp>

#include "manifest/stream.h"
#include "streams/file.h"

namespace stream::ctl {

// Of a stream that nobody supervises: keeps the event of its last move for its hooks. `since`: when
// the move before was.
void tell_move(const manifest::Stream& stream, manifest::WallTime since);
// Brings what waits to the hooks, for so long at the most; their state after that. Nothing is done
// when another process is at it.
nlohmann::json deliver_waiting(const streams::File& file, std::chrono::milliseconds limit);

}  // namespace stream::ctl

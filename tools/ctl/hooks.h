// What the verbs of webhooks share with those that end and schedule streams.
#pragma once
#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

#include "manifest/stream.h"
#include "streams/file.h"

namespace stream::ctl {

// How long the end of a stream waits for its receivers.
constexpr std::chrono::milliseconds kTellAtEnd{2500};

// Keeps the event for those of the stream's hooks that want it; false: none does.
bool keep_for_hooks(const streams::File& file, const nlohmann::json& event, const std::string& id);
// Of a stream that nobody supervises and that is saved: keeps what is untold of it for its hooks.
// What is to be saved after that has nothing untold.
void tell_moves(manifest::Stream& stream);
// Brings what waits to the hooks, for so long at the most; their state after that. Nothing is done
// when another process is at it.
nlohmann::json deliver_waiting(const streams::File& file, std::chrono::milliseconds limit);

}  // namespace stream::ctl

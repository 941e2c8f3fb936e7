// One receiver of a stream's events, as the section "hooks" of stream.yaml(5) says it: an HTTP
// endpoint or a program. Pure.
#pragma once
#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stream::hooks {

struct Hook {
  std::string name;
  std::string url;                  // or a source of it: @vault:NAME, @file:PATH, @cred:NAME
  std::string secret;               // its source; the receiver tells by it who sends
  std::vector<std::string> argv;    // a program instead of an endpoint
  std::vector<std::string> events;  // names and patterns "noun.*"; empty: kUsualEvents
  bool allow_private = false;       // addresses that are not of the internet, and plain http there
  std::chrono::milliseconds limit{5000};  // for one try
  bool operator==(const Hook&) const = default;
};

// What a person wants to know of a stream.
inline constexpr std::string_view kUsualEvents[] = {"stream.*",
                                                    "recording.ready",
                                                    "recording.archived",
                                                    "destination.refused",
                                                    "destination.gave_up",
                                                    "process.gave_up"};

bool wants(const Hook& hook, std::string_view event);
// "stream.live" or "stream.*", of events that exist and may be sent. What is told of hooks
// themselves is not among them: it would go round for ever.
bool is_event_pattern(std::string_view pattern);

// What is sent, and what it is known by: a receiver that sees an id twice has seen the event.
struct Message {
  std::string id, body;
};
// The event of it; empty when its body is no event of stream-events(7).
std::string event_name(const Message& message);
// Of the same words the same id, so that what is done again after a crash is known as such.
std::string message_id(std::span<const std::string> words);

}  // namespace stream::hooks

// Every event that any program emits, with its fields: stream-events(7) is made from this table and
// Events::emit checks against it. Add the row in event_list.cpp before you emit.
#pragma once
#include <span>
#include <string_view>

namespace stream::control {

struct EventField {
  std::string_view name, meaning;  // the unit stands in the name: _bytes _seconds _bps
};

struct EventInfo {
  std::string_view name;   // noun.verb
  std::string_view tools;  // "ingest ladder", or "all"
  std::string_view meaning;
  std::span<const EventField> fields;
};

std::span<const EventInfo> event_list();
const EventInfo* find_event(std::string_view name);

}  // namespace stream::control

// Small pieces of JSON that a stream's events and its status share.
#pragma once
#include <string>

#include "av/track.h"
#include "base/time.h"
#include "control/events.h"

namespace stream::ingest {

inline double seconds(Nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}
inline control::Json or_null(const std::string& text) {
  return text.empty() ? control::Json(nullptr) : control::Json(text);
}
inline control::Json or_null(int number) {
  return number > 0 ? control::Json(number) : control::Json(nullptr);
}
// The fields of track.added but the session.
control::Json track_json(int number, const av::Track& track);

}  // namespace stream::ingest

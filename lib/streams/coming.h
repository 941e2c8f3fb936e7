// The session of a schedule that runs or comes next.
#pragma once
#include <optional>
#include <string>

#include "manifest/stream.h"
#include "streams/file.h"

namespace stream::streams {

struct Coming {
  std::optional<Session> session;  // nullopt: none comes
  Json json;                       // likewise null
  std::string start;               // "2026-12-06T10:00:00+01:00"
  std::string text;                // "next session 2026-12-06 10:00 to ...", for people
  std::string when;                // "2026-12-06 10:00 to ..."
};

// Of a file alone, whatever became of its sessions. All empty: it has no schedule.
Coming coming_of(const File& file);
// Of a stream that was applied: what was ended or missed is left out. Throws as file_of().
Coming coming_of(const manifest::Stream& stream);
Coming coming_of(const manifest::Stream& stream, const File& file);  // when its file was read

}  // namespace stream::streams

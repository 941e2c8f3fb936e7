// Which destinations were live lately, kept over the end of this process however it came, in
// STATE/NAME/simulcast-live.json: a platform may hold their dead sessions for minutes. A hint: what
// can't be written or read is done without.
#pragma once
#include <chrono>
#include <map>
#include <string>

#include "base/time.h"
#include "spec.h"

namespace stream::simulcast {

class LiveMarks {
 public:
  using Time = std::chrono::system_clock::time_point;

  // Nothing is kept without a stream name.
  explicit LiveMarks(const std::string& stream);

  // It was live within kLately, and at the same place.
  bool lately(const Spec& spec, Time now = wall_now()) const;
  // These are live. To be told often; written when they are others, or after kEvery.
  void live(const std::vector<const Spec*>& specs, Time now = wall_now());

  static constexpr std::chrono::minutes kLately{15}, kEvery{1};

 private:
  void save() const;
  struct Mark {
    Time until;
    std::string where;  // without secrets
  };
  std::string path_;
  std::map<std::string, Mark> marks_;
  std::string written_;  // the names that were live when it was written last
  Time written_at_;
};

}  // namespace stream::simulcast

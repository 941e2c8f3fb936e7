// What is asked of an operator's endpoint before a publisher is let in, and how its answer reads:
// the bytes alone. Whoever asks decides what an answer that can't be read comes to.
#pragma once
#include <string>
#include <string_view>

#include "base/secret.h"

namespace stream::keys {

struct PublishQuestion {
  std::string_view protocol;  // "rtmp", "srt", "whip"
  std::string_view address;   // with port
  std::string_view host;      // without
  std::string_view encoder;   // what it calls itself; hostile text
  std::string_view stream;    // that it names beside the key; hostile text
  std::string_view key;       // empty: it named none
};

// JSON of the schema stream.publish_question/1. What is no UTF-8 is replaced in it.
Secret write_question(const PublishQuestion& question);

struct PublishAnswer {
  enum class Kind { kYes, kNo, kUnclear };
  Kind kind = Kind::kUnclear;
  std::string stream;  // of kYes: that it named; empty: none
  std::string reason;  // of kUnclear
};

inline constexpr size_t kMaxAnswer = 16 << 10;

// 2xx is yes, 401 and 403 are no, all else is unclear. The body of a yes may be a JSON object whose
// "stream" names the stream; any other body names none.
PublishAnswer read_answer(int status, std::string_view body);

}  // namespace stream::keys

// What a publisher says in SRT's stream id, in all the forms that encoders send: the standard one
// ("#!::r=NAME,m=publish,u=KEY", SRT Access Control Guidelines), "publish:NAME:KEY", "publish/KEY",
// a path or a URL whose last part is the key, the bare key; any of them percent-encoded. Pure; the
// text is hostile.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"

namespace stream::srt {

inline constexpr size_t kMaxStreamId = 512;  // as the protocol has it

struct StreamId {
  enum class Mode { kNone, kPublish, kOther };
  Mode mode = Mode::kNone;
  std::string stream;        // named beside the key; empty: it names none
  std::vector<Secret> keys;  // what may be the key, the likeliest first; none for an empty id
};

// nullopt: too long, control characters, or a standard form that is none.
std::optional<StreamId> parse_stream_id(std::string_view text);

// "%2F" becomes "/"; nullopt for a broken escape.
std::optional<std::string> percent_decoded(std::string_view text);

}  // namespace stream::srt

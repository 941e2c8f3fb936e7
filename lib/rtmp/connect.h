// What a connect command says, and the answer to its Enhanced RTMP part.
#pragma once
#include <string_view>
#include <utility>

#include "rtmp/server_session.h"

namespace stream::rtmp {

// "name?query" in two; the question mark goes.
std::pair<std::string_view, std::string_view> split_query(std::string_view text);

// The event for the command object of connect; what is missing or of a wrong type stays empty.
ConnectRequested read_connect(const amf0::Object& object);

// Adds to `info`, the answer's information object, what we take of that which an Enhanced RTMP peer
// offered, in the same terms; nothing for the others.
void mirror_capabilities(const amf0::Object& offer, amf0::Object& info);

}  // namespace stream::rtmp

// What a source that is pulled may lead to (--pull-allow): public addresses, the inner address that
// its own URL names, and what the operator adds. Redirects, playlists and names whose address
// changes make no difference: what counts is the address at the moment of connecting.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "av/input.h"
#include "keys/address.h"

namespace stream::ingest {

// One --pull-allow: an address or a block, or one of FFmpeg's protocols.
struct PullAllow {
  keys::AddressBlock block;
  std::string protocol;  // empty: the block
};
void parse_value(std::string_view text, PullAllow& out);

// For a source that is opened by this URL or path.
void apply_rules(const std::string& url, const std::vector<PullAllow>& allow,
                 av::InputOptions& options);

}  // namespace stream::ingest

// Paths of WHEP: /STREAM/whep and /STREAM/whep/ID. Pure.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/text.h"

namespace stream::whep {

struct Place {
  std::string stream, id;  // id empty: the endpoint
};

inline std::optional<Place> place_of(std::string_view path) {
  constexpr std::string_view kEndpoint = "whep";
  if (!path.starts_with('/')) return std::nullopt;
  path.remove_prefix(1);
  const size_t slash = path.find('/');
  if (slash == std::string_view::npos || !is_stream_name(path.substr(0, slash)))
    return std::nullopt;
  Place place{std::string(path.substr(0, slash)), {}};
  path.remove_prefix(slash + 1);
  if (!path.starts_with(kEndpoint)) return std::nullopt;
  path.remove_prefix(kEndpoint.size());
  if (path.empty()) return place;
  if (path.size() < 2 || path[0] != '/' || path.find('/', 1) != std::string_view::npos)
    return std::nullopt;
  place.id = path.substr(1);
  return place;
}

}  // namespace stream::whep

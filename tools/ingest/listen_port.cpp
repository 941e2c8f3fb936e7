#include "listen_port.h"

#include "base/url.h"

namespace stream::ingest {

uint16_t usual_port(const std::string& scheme) {
  return scheme == "rtmps" || scheme == "whips" ? 443
         : scheme == "srt"                      ? 9000
         : scheme == "srtla"                    ? 5000
         : scheme == "whip"                     ? 8889
                                                : 1935;
}

uint16_t listen_port(const std::string& address) {
  const Url url = *parse_url(address);
  if (url.port) return url.port;
  const size_t begin = address.find("://") + 3;
  const std::string authority = address.substr(begin, address.find_first_of("/?#", begin) - begin);
  const bool any = authority.ends_with('0') && authority[authority.find_last_not_of('0')] == ':';
  return any ? 0 : usual_port(url.scheme);
}

}  // namespace stream::ingest

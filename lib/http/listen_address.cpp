#include "http/listen_address.h"

#include "base/error.h"
#include "base/text.h"
#include "base/url.h"

namespace stream::http {

ListenAddress listen_address(const std::string& text) {
  const auto url = parse_url(text);
  const bool plain = url && url->path.size() <= 1 && url->query.empty() && url->user.empty();
  if (!url || url->scheme != "http" || url->host.empty() || !plain)
    throw Error(Exit::kUsage, "usage.value",
                "--listen: '" + escaped(text, 100) + "' is not http://ADDRESS:PORT",
                "for example http://127.0.0.1:8080, or http://0.0.0.0:8080 for every interface");
  const bool any = text.ends_with(":0") || text.ends_with(":0/");
  return {url->host, url->port || any ? url->port : uint16_t{80}};
}

}  // namespace stream::http

#include "http/listen_address.h"

#include "base/error.h"
#include "base/text.h"
#include "base/url.h"

namespace stream::http {

ListenAddress listen_address(const std::string& text, Schemes schemes) {
  const auto url = parse_url(text);
  const bool plain = url && url->path.size() <= 1 && url->query.empty() && url->user.empty();
  const bool tls = url && schemes == Schemes::kHttpAndHttps && url->scheme == "https";
  if (!url || (url->scheme != "http" && !tls) || url->host.empty() || !plain)
    throw Error(Exit::kUsage, "usage.value",
                "--listen: '" + escaped(text, 100) + "' is not http://ADDRESS:PORT" +
                    (schemes == Schemes::kHttpAndHttps ? " or https://ADDRESS:PORT" : ""),
                "for example http://127.0.0.1:8080, or http://0.0.0.0:8080 for every interface");
  const bool any = text.ends_with(":0") || text.ends_with(":0/");
  const uint16_t usual = tls ? 443 : 80;
  return {url->host, url->port || any ? url->port : usual, tls};
}

}  // namespace stream::http

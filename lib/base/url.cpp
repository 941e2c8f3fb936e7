#include "base/url.h"

#include <algorithm>
#include <charconv>

namespace stream {

namespace {

std::string bracketed(std::string_view host) {
  const std::string name(host);
  return host.find(':') == host.npos ? name : "[" + name + "]";
}

}  // namespace

std::string host_port(std::string_view host, uint16_t port) {
  return bracketed(host) + ":" + std::to_string(port);
}

std::string Url::authority(uint16_t default_port) const {
  const uint16_t shown = port ? port : default_port;
  return shown ? host_port(host, shown) : bracketed(host);
}

std::string Url::redacted() const {
  const size_t second = path.size() > 1 ? path.find('/', 1) : std::string::npos;
  std::string out = scheme + "://" + authority() + path.substr(0, second);
  if (second != std::string::npos || !query.empty()) out += "/...";
  return out;
}

std::optional<Url> parse_url(std::string_view text) {
  const auto control = [](unsigned char c) { return c <= 0x20 || c == 0x7f; };
  const size_t colon = text.find("://");
  if (colon == std::string_view::npos || colon == 0 ||
      std::any_of(text.begin(), text.end(), control))
    return std::nullopt;
  Url url;
  for (char c : text.substr(0, colon)) {
    const bool lower = c >= 'a' && c <= 'z', upper = c >= 'A' && c <= 'Z';
    if (!lower && !upper && !(c >= '0' && c <= '9') && c != '+' && c != '-' && c != '.')
      return std::nullopt;
    url.scheme += upper ? static_cast<char>(c + 32) : c;
  }
  text.remove_prefix(colon + 3);
  text = text.substr(0, text.find('#'));

  const size_t end = std::min(text.find_first_of("/?"), text.size());
  std::string_view authority = text.substr(0, end);
  std::string_view rest = text.substr(end);
  if (const size_t at = authority.rfind('@'); at != std::string_view::npos) {
    const std::string_view credentials = authority.substr(0, at);
    const size_t split = std::min(credentials.find(':'), credentials.size());
    url.user = credentials.substr(0, split);
    if (split < credentials.size()) url.password = credentials.substr(split + 1);
    authority.remove_prefix(at + 1);
  }
  size_t host_end;
  if (!authority.empty() && authority[0] == '[') {
    host_end = authority.find(']');
    if (host_end == std::string_view::npos) return std::nullopt;
    url.host = authority.substr(1, host_end - 1);
    ++host_end;
  } else {
    host_end = std::min(authority.find(':'), authority.size());
    url.host = authority.substr(0, host_end);
  }
  if (host_end < authority.size()) {
    if (authority[host_end] != ':') return std::nullopt;
    const std::string_view port = authority.substr(host_end + 1);
    const auto [last, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
    if (error != std::errc() || last != port.data() + port.size()) return std::nullopt;
  }
  const size_t query = std::min(rest.find('?'), rest.size());
  url.path = rest.substr(0, query);
  if (query < rest.size()) url.query = rest.substr(query + 1);
  return url;
}

std::optional<std::string> whip_url(const Url& at, std::string_view stream) {
  if (at.scheme != "whip" && at.scheme != "whips") return std::nullopt;
  return (at.scheme == "whips" ? "https://" : "http://") + at.authority() + "/" +
         std::string(stream) + "/whip";
}

bool is_loopback_host(std::string_view host) {
  return host == "localhost" || host == "::1" || host.substr(0, 4) == "127.";
}

}  // namespace stream

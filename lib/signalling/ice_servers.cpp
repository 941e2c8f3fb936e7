#include "signalling/ice_servers.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "base/error.h"
#include "base/text.h"
#include "crypto/encoding.h"

namespace stream::signalling {
namespace {

constexpr int64_t kGoodFor = 24 * 3600;

bool is_host(std::string_view host) {
  const bool v6 = host.starts_with('[') && host.ends_with(']') && host.size() > 3;
  if (v6) host = host.substr(1, host.size() - 2);
  return !host.empty() && std::all_of(host.begin(), host.end(), [&](unsigned char c) {
    return std::isalnum(c) || c == '.' || (v6 ? c == ':' : c == '-');
  });
}

bool is_port(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port != 0;
}

// What stands behind "turn:". Nothing that would end the header's value gets through.
bool is_place(std::string_view text, bool turn) {
  if (const size_t query = text.find('?'); query != text.npos) {
    const std::string_view transport = text.substr(query);
    if (!turn || (transport != "?transport=udp" && transport != "?transport=tcp")) return false;
    text = text.substr(0, query);
  }
  const size_t colon = text.rfind(':'), bracket = text.rfind(']');
  if (colon != text.npos && (bracket == text.npos || bracket < colon)) {
    if (!is_port(text.substr(colon + 1))) return false;
    text = text.substr(0, colon);
  }
  return is_host(text);
}

// OBS splits header values at commas, quoted or not.
bool fits_header(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != ',';
  });
}

std::string hmac_sha1(std::string_view key, std::string_view text) {
  std::array<uint8_t, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  HMAC(EVP_sha1(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const uint8_t*>(text.data()), text.size(), digest.data(), &size);
  return crypto::base64({digest.data(), size});
}

[[noreturn]] void refuse(const std::string& uri) {
  if (uri.find('@') != std::string::npos)
    throw Error(Exit::kUsage, "secret.argv", "the URI of --ice-server carries a login",
                "leave it out and say --turn-login @file:PATH");
  throw Error(Exit::kUsage, "ice.server", "'" + escaped(uri, 100) + "' is no STUN or TURN server",
              "write stun:HOST, stun:HOST:PORT, turn:HOST:PORT?transport=udp or turns:HOST");
}

}  // namespace

IceServers::IceServers(const std::vector<std::string>& uris, Secret login, Secret shared)
    : login_(std::move(login)), shared_(std::move(shared)) {
  for (const std::string& uri : uris) {
    const size_t colon = uri.find(':');
    const std::string scheme = uri.substr(0, colon);
    const bool turn = scheme == "turn" || scheme == "turns";
    if (colon == std::string::npos || (!turn && scheme != "stun" && scheme != "stuns") ||
        !is_place(std::string_view(uri).substr(colon + 1), turn))
      refuse(uri);
    (turn ? turn_ : stun_).push_back(uri);
  }
  const auto login_error = [](const std::string& what, const std::string& hint) {
    throw Error(Exit::kUsage, "ice.login", what, hint);
  };
  if (turn_.empty() == (!login_.empty() || !shared_.empty()))
    turn_.empty()
        ? login_error("--turn-login and --turn-secret are for TURN servers, and there is none",
                      "add --ice-server turn:HOST, or leave them out")
        : login_error("nothing opens " + turn_.front(),
                      "say --turn-secret @file:PATH (coturn: static-auth-secret) or --turn-login "
                      "@file:PATH (NAME:PASSWORD)");
  if (!login_.empty() && !shared_.empty())
    login_error("--turn-login and --turn-secret exclude each other", "leave one of them out");
  const std::string_view both = login_.reveal();
  const size_t colon = both.find(':');
  if (!login_.empty() && (colon == both.npos || !fits_header(both.substr(0, colon)) ||
                          !fits_header(both.substr(colon + 1))))
    login_error("the secret of --turn-login is not NAME:PASSWORD",
                "both in printable ASCII without spaces, commas, quotes and backslashes");
}

IceServers::Login IceServers::login_at(int64_t unix_seconds) const {
  if (!shared_.empty()) {
    const std::string name = std::to_string(unix_seconds + kGoodFor);
    return {name, hmac_sha1(shared_.reveal(), name)};
  }
  const std::string_view both = login_.reveal();
  const size_t colon = both.find(':');
  return {std::string(both.substr(0, colon)), std::string(both.substr(colon + 1))};
}

std::vector<std::string> IceServers::links(bool let_in, int64_t unix_seconds) const {
  std::vector<std::string> links;
  for (const std::string& uri : stun_) links.push_back("<" + uri + ">; rel=\"ice-server\"");
  if (!let_in || turn_.empty()) return links;
  const Login login = login_at(unix_seconds);
  for (const std::string& uri : turn_)
    links.push_back("<" + uri + ">; rel=\"ice-server\"; username=\"" + login.name +
                    "\"; credential=\"" + login.password + "\"; credential-type=\"password\"");
  return links;
}

}  // namespace stream::signalling

#include "pull_rules.h"

#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "base/url.h"

namespace stream::ingest {
namespace {

constexpr std::string_view kProtocols[] = {"file", "http", "https", "tls",  "tcp",   "udp",
                                           "rtp",  "rtmp", "rtmps", "data", "crypto"};
constexpr size_t kMostTold = 16;  // addresses that a source is refused, in the log

struct Peer {
  keys::Address address{};
  uint16_t port = 0;
};

std::optional<Peer> peer_of(const sockaddr& address, socklen_t size) {
  Peer peer;
  if (address.sa_family == AF_INET && size >= sizeof(sockaddr_in)) {
    sockaddr_in in{};
    std::memcpy(&in, &address, sizeof in);
    peer.address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0};
    std::memcpy(peer.address.data() + 12, &in.sin_addr, 4);
    peer.port = ntohs(in.sin_port);
    return peer;
  }
  if (address.sa_family != AF_INET6 || size < sizeof(sockaddr_in6)) return std::nullopt;
  sockaddr_in6 in{};
  std::memcpy(&in, &address, sizeof in);
  std::memcpy(peer.address.data(), &in.sin6_addr, 16);
  peer.port = ntohs(in.sin6_port);
  return peer;
}

uint16_t pull_port(std::string_view scheme) {
  if (scheme == "http") return 80;
  if (scheme == "https" || scheme == "rtmps") return 443;
  if (scheme == "rtsp") return 554;
  return scheme == "rtmp" ? 1935 : 0;
}

// The addresses that the URL itself names. A host's name is none: its address is whatever its
// owner says.
std::vector<Peer> named_by(const Url& url) {
  const uint16_t port = url.port ? url.port : pull_port(url.scheme);
  std::vector<Peer> named;
  if (url.host == "localhost")
    named = {{*keys::parse_address("127.0.0.1"), port}, {*keys::parse_address("::1"), port}};
  else if (const auto address = keys::parse_address(url.host))
    named = {{*address, port}};
  return named;
}

// Called on the source's thread; one source after the other, so it is shared by what is reopened.
class Rules {
 public:
  Rules(std::string shown, std::vector<Peer> named, std::vector<keys::AddressBlock> blocks)
      : shown_(std::move(shown)), named_(std::move(named)), blocks_(std::move(blocks)) {}

  bool may(const sockaddr& address, socklen_t size) {
    const auto peer = peer_of(address, size);
    if (!peer) return false;
    if (!keys::is_inner(peer->address)) return true;
    for (const Peer& named : named_)
      if (named.address == peer->address && (named.port == 0 || named.port == peer->port))
        return true;
    for (const keys::AddressBlock& block : blocks_)
      if (block.contains(peer->address)) return true;
    tell(*peer);
    return false;
  }

 private:
  void tell(const Peer& peer) {
    const std::string text = keys::text_of(peer.address) + " port " + std::to_string(peer.port);
    const std::lock_guard lock(mutex_);
    if (told_.size() >= kMostTold || !told_.insert(text).second) return;
    log::warning(shown_ + " leads to the inner address " + text +
                 ", which is not asked; if it is meant, say --pull-allow " +
                 keys::text_of(peer.address));
  }

  const std::string shown_;
  const std::vector<Peer> named_;
  const std::vector<keys::AddressBlock> blocks_;
  std::mutex mutex_;
  std::set<std::string> told_;
};

}  // namespace

void parse_value(std::string_view text, PullAllow& out) {
  PullAllow allow;
  if (std::find(std::begin(kProtocols), std::end(kProtocols), text) != std::end(kProtocols))
    allow.protocol = text;
  else if (const auto block = keys::parse_block(text))
    allow.block = *block;
  else
    throw Error(Exit::kUsage, "ingest.pull",
                "'" + escaped(text) + "' is neither an address nor a protocol",
                "write an address (192.168.1.7), a block of them (192.168.0.0/16, fd00::/8), or a "
                "protocol (file, http, https, udp, rtp ...)");
  out = std::move(allow);
}

void apply_rules(const std::string& text, const std::vector<PullAllow>& allow,
                 av::InputOptions& options) {
  std::vector<keys::AddressBlock> blocks;
  for (const PullAllow& one : allow) {
    if (one.protocol.empty())
      blocks.push_back(one.block);
    else
      options.protocols += (options.protocols.empty() ? "" : ",") + one.protocol;
  }
  const auto url = parse_url(text);
  const auto rules =
      std::make_shared<Rules>(escaped(url ? url->redacted() : text),
                              url ? named_by(*url) : std::vector<Peer>(), std::move(blocks));
  options.may_connect = [rules](const sockaddr& address, socklen_t size) {
    return rules->may(address, size);
  };
}

}  // namespace stream::ingest

#include "webrtc/advertised.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <memory>

#include "base/error.h"
#include "base/text.h"

namespace stream::webrtc {
namespace {

namespace ip = boost::asio::ip;

std::optional<ip::address> address_of(const sockaddr* from) {
  if (from == nullptr) return std::nullopt;
  if (from->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, from, sizeof v4);
    return ip::address_v4(ntohl(v4.sin_addr.s_addr));
  }
  if (from->sa_family != AF_INET6) return std::nullopt;
  sockaddr_in6 v6{};
  std::memcpy(&v6, from, sizeof v6);
  ip::address_v6::bytes_type bytes{};
  std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
  return ip::address_v6(bytes);
}

std::vector<ip::address> of_this_machine(bool v4_only) {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, freeifaddrs);
  std::vector<ip::address> outer, loopback;
  for (const ifaddrs* it = list; it != nullptr; it = it->ifa_next) {
    const auto address = address_of(it->ifa_addr);
    if (!address || !(it->ifa_flags & IFF_UP)) continue;
    if (address->is_v6() && (v4_only || address->to_v6().is_link_local())) continue;
    (address->is_loopback() ? loopback : outer).push_back(*address);
  }
  return outer.empty() ? loopback : outer;
}

[[noreturn]] void refuse(const std::string& text) {
  throw Error(Exit::kUsage, "webrtc.address",
              "'" + escaped(text) + "' is not an address that a peer can be told",
              "give a numeric address, with a port where another one is mapped to ours: "
              "203.0.113.7, 203.0.113.7:8189, [2001:db8::7]:8189");
}

std::pair<ip::address, uint16_t> parse(const std::string& text, uint16_t port) {
  std::string host = text;
  const size_t colon = text.rfind(':');
  const bool bracketed = text.starts_with('[');
  if (colon != std::string::npos &&
      (bracketed ? colon > 0 && text[colon - 1] == ']' : text.find(':') == colon)) {
    const char* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data() + colon + 1, end, port);
    if (error != std::errc() || at != end || port == 0) refuse(text);
    host = text.substr(0, colon);
  }
  if (bracketed && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  boost::system::error_code error;
  const auto address = ip::make_address(host, error);
  if (error || address.is_unspecified() || address.is_multicast()) refuse(text);
  return {address, port};
}

}  // namespace

std::vector<Candidate> advertised(const std::vector<std::string>& wanted, const ip::address& bound,
                                  uint16_t port) {
  std::vector<std::pair<ip::address, uint16_t>> places;
  for (const auto& text : wanted) places.push_back(parse(text, port));
  if (wanted.empty() && !bound.is_unspecified()) places.emplace_back(bound, port);
  if (wanted.empty() && bound.is_unspecified())
    for (const auto& address : of_this_machine(bound.is_v4())) places.emplace_back(address, port);
  std::stable_sort(places.begin(), places.end(), [](const auto& a, const auto& b) {
    return a.first.is_v4() && !b.first.is_v4();
  });
  std::vector<Candidate> result;
  for (const auto& [address, its_port] : places)
    result.push_back(host_candidate(address, its_port, result.size()));
  return result;
}

}  // namespace stream::webrtc

// Whether who is outside could reach a port here: what this machine alone can tell of it.
#include "doctor/reach.h"

#include <arpa/inet.h>
#include <ifaddrs.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>

#include "base/error.h"
#include "base/text.h"
#include "base/url.h"
#include "net/address.h"

namespace stream::doctor {
namespace {

using boost::asio::ip::address;
using boost::asio::ip::address_v4;
using boost::asio::ip::address_v6;

// "0100007F" or 32 digits: words of the machine's byte order.
std::optional<address> parse_hex(const std::string& text) {
  uint32_t words[4] = {};
  if (text.size() != 8 && text.size() != 32) return std::nullopt;
  if (text.find_first_not_of("0123456789abcdefABCDEF") != text.npos) return std::nullopt;
  for (size_t i = 0; i < text.size() / 8; ++i)
    words[i] = static_cast<uint32_t>(std::stoul(text.substr(8 * i, 8), nullptr, 16));
  if (text.size() == 8) return address_v4(ntohl(words[0]));
  address_v6::bytes_type bytes;
  std::memcpy(bytes.data(), words, bytes.size());
  return address_v6(bytes);
}

std::vector<address> all_listening(const std::string& root, uint16_t port, bool udp) {
  std::vector<address> all;
  for (const char* suffix : {"", "6"}) {
    std::ifstream file(root + "/proc/net/" + (udp ? "udp" : "tcp") + suffix);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    for (const address& one : parse_listening(text, port, udp)) all.push_back(one);
  }
  return all;
}

bool is_of_this_machine(const address& wanted) {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return false;
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(list, ::freeifaddrs);
  for (const ifaddrs* at = list; at; at = at->ifa_next) {
    if (!at->ifa_addr) continue;
    char text[INET6_ADDRSTRLEN] = "";
    if (at->ifa_addr->sa_family == AF_INET)
      ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(at->ifa_addr)->sin_addr, text,
                  sizeof text);
    else if (at->ifa_addr->sa_family == AF_INET6)
      ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(at->ifa_addr)->sin6_addr, text,
                  sizeof text);
    if (wanted.to_string() == text) return true;
  }
  return false;
}

// What may drop packets before any program sees them.
std::string packet_filter(const std::string& root) {
  std::ifstream file(root + "/proc/modules");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("nf_tables ") || line.starts_with("ip_tables "))
      return "; a packet filter is loaded, nft list ruleset shows what it lets in";
  return {};
}

}  // namespace

std::vector<address> parse_listening(const std::string& text, uint16_t port, bool udp) {
  std::vector<address> found;
  std::istringstream lines(text);
  std::string line;
  std::getline(lines, line);  // headings
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    std::string slot, local, remote, state;
    fields >> slot >> local >> remote >> state;
    const size_t colon = local.find(':');
    if (state != (udp ? "07" : "0A") || colon == local.npos) continue;
    if (std::strtoul(local.c_str() + colon + 1, nullptr, 16) != port) continue;
    if (const auto one = parse_hex(local.substr(0, colon))) found.push_back(*one);
  }
  return found;
}

PublicPlace parse_public(const std::string& text) {
  PublicPlace place;
  std::string rest = text;
  if (rest.ends_with("/udp")) place.udp = true, rest.resize(rest.size() - 4);
  if (rest.find_first_not_of("0123456789") == rest.npos) rest = ":" + rest;
  const auto url = parse_url("tcp://" + (rest.starts_with(":") ? "any" + rest : rest));
  if (!url || url->port == 0 || !url->path.empty())
    throw Error(Exit::kUsage, "usage.value", "'" + escaped(text, 100) + "' is no public port",
                "write PORT, ADDRESS:PORT or NAME:PORT, with /udp behind it for SRT");
  place.port = url->port;
  if (!rest.starts_with(":")) place.host = url->host;
  return place;
}

Finding check_public(const std::string& root, const PublicPlace& place) {
  constexpr char kId[] = "public.port";
  const std::string port = std::to_string(place.port) + (place.udp ? "/udp" : "/tcp");
  boost::system::error_code no_number;
  const address outer = boost::asio::ip::make_address(place.host, no_number);
  if (place.host == "localhost" || (!no_number && outer.is_loopback()))
    return {kId, State::kFail, place.host + " is this machine to everybody: nobody comes to it",
            "tell publishers and viewers an address or a name of this machine"};
  const auto listening = all_listening(root, place.port, place.udp);
  if (listening.empty())
    return {kId, State::kFail, "nothing listens on " + port,
            "start what is to be reached there, or name the port that it has"};
  if (std::all_of(listening.begin(), listening.end(),
                  [](const address& one) { return one.is_loopback(); }))
    return {kId, State::kFail,
            port + " is listened on at " + listening[0].to_string() +
                " alone: only this machine reaches it",
            "listen on 0.0.0.0 or [::], or put a proxy in front that does"};
  std::string at;
  for (const address& one : listening) at += (at.empty() ? "" : ", ") + one.to_string();
  const std::string seen = port + " is listened on at " + at + packet_filter(root);
  if (place.host.empty() || no_number) return {kId, State::kOk, seen, {}};
  if (net::is_inner_address(outer))
    return {kId, State::kWarn, place.host + " is no address of the internet; " + seen,
            "outside your network give the router's address and forward " + port};
  if (!is_of_this_machine(outer))
    return {kId, State::kWarn, place.host + " is on no interface of this machine; " + seen,
            "see that the router or cloud network which has it forwards " + port};
  return {kId, State::kOk, place.host + " is of this machine; " + seen, {}};
}

}  // namespace stream::doctor

#include "srt/address.h"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <charconv>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "base/units.h"
#include "base/url.h"
#include "srt/engine.h"
#include "srt/stream_id.h"

namespace stream::srt {
namespace {

using namespace std::chrono_literals;

constexpr char kForm[] =
    "write srt://HOST:PORT, for example srt://127.0.0.1:9000?latency=200ms&passphrase=@vault:NAME";
constexpr auto kLongestLatency = 30s;

[[noreturn]] void bad(const std::string& message, const std::string& hint = kForm) {
  throw Error(Exit::kUsage, "srt.url", message, hint);
}

std::chrono::milliseconds latency_of(const std::string& text) {
  const auto latency = parse_duration(text).value;
  if (latency < 20ms || latency > kLongestLatency)
    bad("an SRT latency of " + escaped(text, 40) + " is out of range",
        "take from 20ms to 30s; four times the round trip is usual");
  return std::chrono::duration_cast<std::chrono::milliseconds>(latency);
}

void set_option(Address& address, const std::string& name, const std::string& value) {
  static const std::vector<std::string> kNames = {"adapter",    "latency",  "mode",
                                                  "passphrase", "pbkeylen", "streamid"};
  if (name == "latency") {
    address.latency = latency_of(value);
  } else if (name == "mode") {
    if (value != "caller" && value != "rendezvous" && value != "listener")
      bad("there is no SRT mode '" + escaped(value, 40) + "'", "take caller or rendezvous");
    if (value == "listener")
      bad("the mode of an SRT address is caller or rendezvous here",
          "to take publishers, run stream-ingest --listen srt://ADDRESS:PORT");
    address.mode = value == "caller" ? Address::Mode::kCaller : Address::Mode::kRendezvous;
  } else if (name == "adapter") {
    boost::system::error_code error;
    boost::asio::ip::make_address(value, error);
    if (error) bad("'" + escaped(value, 60) + "' is no numeric address", "adapter=192.168.1.7");
    address.adapter = value;
  } else if (name == "passphrase") {
    address.passphrase = value;
  } else if (name == "streamid") {
    address.stream_id = value;
    if (value.size() > kMaxStreamId)
      bad("the SRT stream id has " + std::to_string(value.size()) + " bytes, more than 512");
  } else if (name == "pbkeylen") {
    address.key_length = value == "16" ? 16 : value == "24" ? 24 : value == "32" ? 32 : 0;
    if (address.key_length == 0)
      bad("an SRT key has no length of '" + escaped(value, 40) + "' bytes", "take 16, 24 or 32");
  } else {
    const auto near = nearest(name, std::span(kNames));
    bad("an SRT address has no option '" + escaped(name, 40) + "'",
        near ? "did you mean " + *near + "?"
             : "the options are adapter, latency, mode, passphrase, pbkeylen and streamid");
  }
}

}  // namespace

Address parse_address(std::string_view text) {
  const auto url = parse_url(text);
  if (!url || (url->scheme != "srt" && url->scheme != "srtla"))
    bad("not an SRT address: '" + escaped(text.substr(0, text.find('?'))) + "'");
  Address address;
  address.host = url->host;
  address.port = url->port;
  if (address.port == 0) bad("the SRT address " + url->redacted() + " has no port");
  if (!url->user.empty() || url->path.size() > 1)
    bad("an SRT address has no user and no path",
        "a stream id goes behind it: srt://HOST:PORT?streamid=ID");
  std::string_view query = url->query;
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const size_t equals = std::min(pair.find('='), pair.size());
    const auto value = percent_decoded(pair.substr(std::min(equals + 1, pair.size())));
    if (!value) bad("a broken % escape in the options of an SRT address");
    set_option(address, std::string(pair.substr(0, equals)), *value);
  }
  return address;
}

void check_passphrase(std::string_view passphrase) {
  if (passphrase.empty() || (passphrase.size() >= 10 && passphrase.size() <= 79)) return;
  throw Error(Exit::kUsage, "srt.passphrase",
              "an SRT passphrase of " + std::to_string(passphrase.size()) + " characters",
              "SRT takes from 10 to 79");
}

Settings settings_of(const Address& address, const ReadSecret& read) {
  const auto secret = [&read](const std::string& text) { return read ? read(text) : Secret(text); };
  Settings settings;
  settings.latency = address.latency;
  settings.key_length = address.key_length;
  settings.local_host = address.adapter;
  settings.rendezvous = address.mode == Address::Mode::kRendezvous;
  settings.passphrase = secret(address.passphrase);
  settings.stream_id = secret(address.stream_id);
  if (read) check_passphrase(settings.passphrase.reveal());
  return settings;
}

}  // namespace stream::srt

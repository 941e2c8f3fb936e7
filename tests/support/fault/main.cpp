// stream-fault: a relay that spoils a connection on purpose, to see what a program makes of it.
#include <arpa/inet.h>
#include <netdb.h>
#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>
#include <vector>

#include "relay.h"

namespace {

constexpr char kHelp[] =
    R"(Usage: stream-fault tcp|udp LISTEN TARGET [PLAN] [--seed N]

Relays TCP connections or UDP datagrams (SRT, RTP) that come to LISTEN (ADDRESS:PORT, port 0: any) on to
TARGET, both ways, and spoils them as PLAN says:

  delay=50ms        everything comes later
  jitter=20ms       by up to so much more, evenly; TCP keeps its order, datagrams do not
  loss=2%           of the datagrams
  duplicate=1%      of the datagrams
  reorder=5%        of the datagrams come reorder-by=20ms later
  rate=2M           bit/s and direction; what can't wait is lost (UDP) or makes the sender wait (TCP)
  total=12M         bit/s to the target of all connections together: an uplink that they share
  stall             nothing passes, connections stay open
  cut               connections are reset and new ones refused; UDP: nothing passes, senders are forgotten
  clean             nothing of all that

A plan may have steps, each with a time since the first byte, which replace each other:

  stream-fault udp 127.0.0.1:9001 127.0.0.1:9000 'delay=30ms loss=3%; 5s: stall; 8s: clean'
  stream-fault tcp 127.0.0.1:1936 127.0.0.1:1935 'clean; 10s: cut; 12s: rate=800k'

The same seed spoils the same way. "listening on ADDRESS:PORT" goes to standard output, and at the end
(SIGINT or SIGTERM) one line of JSON with what was done. IPv4 only.
)";

volatile bool g_stop = false;

sockaddr_in address_of(const std::string& text) {
  const size_t colon = text.rfind(':');
  sockaddr_in address{};
  address.sin_family = AF_INET;
  if (colon == std::string::npos) throw std::runtime_error("not ADDRESS:PORT: " + text);
  const std::string host = text.substr(0, colon);
  char* end = nullptr;
  const unsigned long port = std::strtoul(text.c_str() + colon + 1, &end, 10);
  if (*end != 0 || end == text.c_str() + colon + 1 || port > 65535)
    throw std::runtime_error("not a port: " + text);
  address.sin_port = htons(static_cast<uint16_t>(port));
  if (inet_pton(AF_INET, host == "localhost" ? "127.0.0.1" : host.c_str(), &address.sin_addr) != 1)
    throw std::runtime_error("not an IPv4 address: " + host);
  return address;
}

int run(const std::vector<std::string>& words, uint64_t seed) {
  std::string error;
  const auto plan = fault::parse_plan(words.size() > 3 ? words[3] : "", error);
  if (!plan) throw std::runtime_error(error);
  fault::Relay relay(words[0] == "udp", address_of(words[1]), address_of(words[2]), *plan, seed);
  std::printf("listening on %s:%u\n", words[1].substr(0, words[1].rfind(':')).c_str(),
              relay.port());
  std::fflush(stdout);
  relay.run(g_stop);
  const fault::Counts& c = relay.counts();
  std::printf(
      "{\"passed\":%llu,\"lost\":%llu,\"duplicated\":%llu,\"reordered\":%llu,\"connections\":%llu,"
      "\"cut\":%llu,\"seed\":%llu}\n",
      static_cast<unsigned long long>(c.passed), static_cast<unsigned long long>(c.lost),
      static_cast<unsigned long long>(c.duplicated), static_cast<unsigned long long>(c.reordered),
      static_cast<unsigned long long>(c.connections), static_cast<unsigned long long>(c.cut),
      static_cast<unsigned long long>(seed));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> words;
  uint64_t seed = 1;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--help" || word == "-h") {
      std::fputs(kHelp, stdout);
      return 0;
    }
    if (word == "--seed" && i + 1 < argc)
      seed = std::strtoull(argv[++i], nullptr, 10);
    else
      words.push_back(word);
  }
  if (words.size() < 3 || words.size() > 4 || (words[0] != "tcp" && words[0] != "udp")) {
    std::fputs("stream-fault: tcp|udp LISTEN TARGET [PLAN] [--seed N]; see --help\n", stderr);
    return 2;
  }
  struct sigaction action {};
  action.sa_handler = [](int) { g_stop = true; };
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  signal(SIGPIPE, SIG_IGN);
  try {
    return run(words, seed);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "stream-fault: %s\n", e.what());
    return 1;
  }
}

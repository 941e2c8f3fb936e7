#include "webrtc/port.h"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <string_view>
#include <unordered_map>

#include "webrtc/advertised.h"
#include "webrtc/sockets.h"

namespace stream::webrtc {
namespace {

namespace asio = boost::asio;
constexpr auto kTick = std::chrono::milliseconds(100);

struct SamePeer {
  bool operator()(const Path& a, const Path& b) const { return a.is_same_peer(b); }
};

struct PeerHash {
  size_t operator()(const Path& path) const {
    const auto address = path.remote.address();
    size_t value = path.remote.port() ^ size_t { path.tcp } << 16;
    const auto mix = [&](uint8_t byte) { value = value * 1099511628211u ^ byte; };
    if (address.is_v4())
      for (const uint8_t byte : address.to_v4().to_bytes()) mix(byte);
    else
      for (const uint8_t byte : address.to_v6().to_bytes()) mix(byte);
    return value;
  }
};

struct TextHash {  // so that a name is looked up without a copy of it
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

struct Entry {
  std::shared_ptr<Session> session;
  uint64_t changes = 0;  // of its ICE when it was listed
  std::vector<Path> paths;
  std::vector<std::string> ufrags;
};

constexpr size_t kMostTcp = 512;

std::vector<Candidate> with_tcp(std::vector<Candidate> candidates) {
  const size_t count = candidates.size();
  for (size_t i = 0; i < count; ++i) candidates.push_back(tcp_candidate(candidates[i], i));
  return candidates;
}

}  // namespace

struct Port::State : std::enable_shared_from_this<State> {
  State(asio::io_context& io, Options given)
      : options(std::move(given)),
        context(Certificate()),
        sockets(io, options.host, options.port, std::min(options.sessions, kMostTcp)),
        candidates(
            advertised(options.advertised, sockets.bound().address(), sockets.bound().port())),
        ticker(io) {
    if (sockets.has_tcp()) candidates = with_tcp(std::move(candidates));
  }

  const Options options;
  const DtlsContext context;
  Sockets sockets;
  std::vector<Candidate> candidates;
  asio::steady_timer ticker;
  std::vector<std::shared_ptr<Entry>> entries;
  std::unordered_map<Path, std::shared_ptr<Entry>, PeerHash, SamePeer> by_path;
  std::unordered_map<std::string, std::shared_ptr<Entry>, TextHash, std::equal_to<>> by_ufrag;
  uint64_t opened = 0, strangers = 0;
  bool stopped = false;

  void start();
  void receive(std::span<uint8_t> datagram, const Path& from);
  void list(const std::shared_ptr<Entry>& entry);
  void unlist(const Entry& entry);
  void tick();
};

void Port::State::start() {
  sockets.start(
      [this](std::span<uint8_t> datagram, const Path& from) {
        const auto keep = shared_from_this();  // a handler may destroy the port
        receive(datagram, from);
      },
      [this](const Path& path) { return by_path.count(path) > 0; });
  tick();
}

void Port::State::receive(std::span<uint8_t> datagram, const Path& from) {
  const Nanoseconds now = monotonic_now();
  if (looks_like_stun(datagram)) {
    const auto message = parse_stun(datagram);
    std::string_view name = message && message->username ? *message->username : "";
    name = name.substr(0, name.find(':'));
    const auto found = by_ufrag.find(name);
    if (found == by_ufrag.end()) {
      ++strangers;
      return;
    }
    const auto entry = found->second;
    entry->session->receive_stun(*message, from, now);
    if (entry->session->ice().changes() != entry->changes) list(entry);
    return;
  }
  const auto found = by_path.find(from);
  if (found == by_path.end()) {
    ++strangers;
    return;
  }
  const auto entry = found->second;
  entry->session->receive(datagram, from, now);
}

void Port::State::list(const std::shared_ptr<Entry>& entry) {
  unlist(*entry);
  const IceLite& ice = entry->session->ice();
  entry->changes = ice.changes();
  entry->paths = ice.checked();
  entry->ufrags = ice.ufrags();
  for (const auto& path : entry->paths) by_path[path] = entry;
  for (const auto& ufrag : entry->ufrags) by_ufrag[ufrag] = entry;
}

void Port::State::unlist(const Entry& entry) {
  for (const auto& path : entry.paths)
    if (const auto found = by_path.find(path);
        found != by_path.end() && found->second.get() == &entry)
      by_path.erase(found);
  for (const auto& ufrag : entry.ufrags) by_ufrag.erase(ufrag);
}

void Port::State::tick() {
  const Nanoseconds now = monotonic_now();
  for (size_t i = 0; i < entries.size() && !stopped; ++i) {  // a handler may open more
    const auto entry = entries[i];
    entry->session->tick(now);
    if (!entry->session->is_closed() && entry->session->ice().changes() != entry->changes)
      list(entry);  // an ICE restart
  }
  std::erase_if(entries, [this](const std::shared_ptr<Entry>& entry) {
    if (!entry->session->is_closed()) return false;
    unlist(*entry);
    return true;
  });
  if (stopped) return;
  sockets.tick(now);
  ticker.expires_after(kTick);
  ticker.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    if (const auto self = weak.lock(); self && !error && !self->stopped) self->tick();
  });
}

Port::Port(asio::io_context& io, Options options)
    : state_(std::make_shared<State>(io, std::move(options))) {
  state_->start();
}

Port::~Port() {
  stop();
}

uint16_t Port::port() const noexcept {
  return state_->sockets.bound().port();
}

Local Port::local() const {
  return {IceCredentials::make(), state_->context.certificate().fingerprint(), state_->candidates};
}

std::shared_ptr<Session> Port::open(const IceCredentials& ice, const Answer& answer,
                                    SessionHandlers handlers) {
  State& state = *state_;
  if (state.stopped || state.entries.size() >= state.options.sessions) return nullptr;
  auto entry = std::make_shared<Entry>();
  entry->session = std::make_shared<Session>(
      state.context, SessionOptions{ice, answer.remote, answer.fingerprints, answer.setup},
      std::move(handlers), state.sockets, monotonic_now());
  state.entries.push_back(entry);
  state.list(entry);
  ++state.opened;
  return entry->session;
}

Port::Counts Port::counts() const {
  const State& state = *state_;
  Counts counts;
  for (const auto& entry : state.entries) {
    if (entry->session->is_closed()) continue;
    ++counts.sessions;
    if (entry->session->is_connected()) ++counts.connected;
  }
  const auto sockets = state.sockets.counts();
  counts.tcp_connections = sockets.tcp_connections;
  counts.opened = state.opened;
  counts.received = sockets.received;
  counts.sent = sockets.sent;
  counts.unsent = sockets.unsent;
  counts.strangers = state.strangers;
  return counts;
}

void Port::stop() {
  const auto state = state_;
  if (state->stopped) return;
  state->stopped = true;
  for (size_t i = 0; i < state->entries.size(); ++i)
    state->entries[i]->session->end(SessionEnd::kPort, "the program stops");
  state->ticker.cancel();
  state->sockets.stop();
  state->by_path.clear();
  state->by_ufrag.clear();
}

}  // namespace stream::webrtc

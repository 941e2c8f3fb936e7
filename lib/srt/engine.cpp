#include "srt/engine.h"

#include <algorithm>
#include <utility>

#include "srt/state.h"

namespace stream::srt {

using namespace std::chrono_literals;

namespace {

constexpr size_t kSentPacket = 1316;  // seven packets of MPEG-TS
constexpr int kReadRounds = 16;       // of a scratch each, before the others have their turn
// How long arrivals gather: unseen beside SRT's latency, and what makes many connections cheap.
constexpr Nanoseconds kShortestTurn = 5ms, kLongestTurn = 20ms, kTurnPerSocket = 200us;
constexpr Nanoseconds kStatsInterval = 1s, kSenderStatsInterval = 50ms;
constexpr auto kLastReads = 5s;  // for a full receiver to take what a closed connection left
constexpr Nanoseconds kLatencyMargin = 100ms;
constexpr auto kStaleToken = 10s;
constexpr int kHeader = 44;  // of UDP, IP and SRT, which libsrt counts as sent bytes

// To ask is cheap; to read when nothing is there throws inside libsrt.
bool readable(SRTSOCKET id) {
  int32_t events = 0;
  int size = sizeof events;
  return srt_getsockflag(id, SRTO_EVENT, &events, &size) == 0 &&
         (events & (SRT_EPOLL_IN | SRT_EPOLL_ERR)) != 0;
}

}  // namespace

Nanoseconds Engine::State::turn() const {
  return std::min<Nanoseconds>(
      kLongestTurn, kShortestTurn + kTurnPerSocket * static_cast<int64_t>(sockets.size()));
}

void Engine::State::command(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex);
    if (stopping) return;
    commands.push_back(std::move(work));
  }
  wake.notify_one();
}

void Engine::State::loop() {
  for (;;) {
    std::vector<std::function<void()>> work;
    {
      std::unique_lock lock(mutex);
      const auto awake = [this] { return stopping || !commands.empty(); };
      // An engine without sockets has nothing to look after.
      if (sockets.empty() && listeners.empty())
        wake.wait(lock, awake);
      else
        wake.wait_for(lock, turn(), awake);
      if (stopping) break;
      work.swap(commands);
    }
    for (const auto& one : work) one();
    poll();
    tick();
  }
  for (const auto& [id, listener] : listeners) srt_close(id);
  for (const auto& [id, socket] : sockets) srt_close(id);
  sockets.clear();
}

void Engine::State::poll() {
  events.resize(sockets.size() + listeners.size() + 1);
  const int count = srt_epoll_uwait(epoll, events.data(), static_cast<int>(events.size()), 0);
  for (int i = 0; i < std::min(count, static_cast<int>(events.size())); ++i) {
    const SRT_EPOLL_EVENT& event = events[static_cast<size_t>(i)];
    if (const auto at = listeners.find(event.fd); at != listeners.end())
      accept(at->second);
    else if (const auto it = sockets.find(event.fd); it != sockets.end())
      handle(SocketPtr(it->second), event.events);
    else
      srt_epoll_remove_usock(epoll, event.fd);
  }
}

void Engine::State::add(const SocketPtr& socket, int wanted) {
  sockets[socket->id] = socket;
  socket->registered = true;
  srt_epoll_add_usock(epoll, socket->id, &wanted);
}

void Engine::State::handle(const SocketPtr& socket, int what) {
  if (what & SRT_EPOLL_ERR) {
    if (socket->connecting)
      return failed(socket, refusal(srt_getrejectreason(socket->id), socket->rendezvous));
    if (!socket->broken) {
      socket->broken = true;
      socket->broken_at = monotonic_now();
      srt_epoll_remove_usock(epoll, socket->id);
      socket->registered = false;
    }
    return;  // what is left is read by tick()
  }
  if (socket->connecting && (what & SRT_EPOLL_OUT)) {
    socket->connecting = false;
    socket->heard_at = monotonic_now();
    socket->reading = socket->received != nullptr;
    watch(socket, false);
    measure(socket, monotonic_now());
    tell(socket, [](const Socket::Handlers& h) {
      if (h.connected) h.connected();
    });
    const bool waiting = [&] {  // sent before
      const std::lock_guard lock(socket->mutex);
      return !socket->out.empty();
    }();
    if (waiting) flush(socket);
  }
  if ((what & SRT_EPOLL_IN) && socket->reading) read(socket);
  if ((what & SRT_EPOLL_OUT) && socket->sends) flush(socket);
}

void Engine::State::read(const SocketPtr& socket) {
  Socket::State& s = *socket;
  if (!s.held.empty()) {
    if (!s.received(s.held)) return;
    s.held = {};
  }
  for (int round = 0; round < kReadRounds; ++round) {
    size_t size = 0;
    bool more = true;
    while (kScratch - size >= 2048 && (more = readable(s.id))) {
      const int n = srt_recvmsg(s.id, reinterpret_cast<char*>(scratch.get()) + size,
                                static_cast<int>(kScratch - size));
      more = n > 0;
      if (!more) break;
      size += static_cast<size_t>(n);
    }
    if (size > 0) {
      s.heard_at = monotonic_now();
      Buffer piece = Buffer::copy({scratch.get(), size});
      if (!s.received(piece)) {
        s.held = std::move(piece);
        return;
      }
    }
    if (!more) return;
  }
}

void Engine::State::watch(const SocketPtr& socket, bool room) {
  if (!socket->registered || (socket->watches_room == room && !socket->connecting)) return;
  socket->watches_room = room;
  int wanted = SRT_EPOLL_IN | SRT_EPOLL_ERR;
  if (room) wanted |= SRT_EPOLL_OUT;
  srt_epoll_update_usock(epoll, socket->id, &wanted);
}

void Engine::State::flush(const SocketPtr& socket) {
  Socket::State& s = *socket;
  if (s.connecting || s.broken) return;
  s.sends = true;
  bool full = false, room = false;
  {
    const std::lock_guard lock(s.mutex);
    while (!s.out.empty() && !full) {
      Buffer& front = s.out.front();
      const size_t size = std::min(front.size(), kSentPacket);
      const int n = srt_sendmsg(s.id, reinterpret_cast<const char*>(front.data()),
                                static_cast<int>(size), -1, 1);
      full = n <= 0;
      if (full) break;
      s.sent += size;
      s.out_bytes -= size;
      front = front.slice(size);
      if (front.empty()) s.out.pop_front();
    }
    s.stats.sent_bytes = s.sent;
    s.stats.waiting_bytes = s.out_bytes;
    if (s.wants_room && s.out_bytes <= Socket::kSendQueue / 2) {
      room = true;
      s.wants_room = false;
    }
  }
  watch(socket, full);
  if (room)
    tell(socket, [](const Socket::Handlers& h) {
      if (h.writable) h.writable();
    });
}

void Engine::State::measure(const SocketPtr& socket, Nanoseconds now) {
  Socket::State& s = *socket;
  SRT_TRACEBSTATS perf{};
  if (srt_bistats(s.id, &perf, 0, 1) != 0) return;
  size_t blocks = 0, bytes = 0;
  if (s.sends) srt_getsndbuffer(s.id, &blocks, &bytes);
  const uint64_t dropped =
      perf.byteSndDropTotal -
      std::min<uint64_t>(perf.byteSndDropTotal,
                         kHeader * static_cast<uint64_t>(perf.pktSndDropTotal));
  const double seconds = std::chrono::duration<double>(now - s.stats_at).count();
  const std::lock_guard lock(s.mutex);
  Stats& stats = s.stats;
  const auto received = static_cast<uint64_t>(perf.byteRecvTotal);
  if (s.stats_at > 0ns && seconds > 0)
    stats.receive_bps = static_cast<double>(received - stats.received_bytes) * 8 / seconds;
  s.stats_at = now;
  stats.rtt_seconds = perf.msRTT / 1000;
  stats.latency_seconds =
      static_cast<double>(s.sends ? perf.msSndTsbPdDelay : perf.msRcvTsbPdDelay) / 1000;
  stats.buffer_seconds = static_cast<double>(s.sends ? perf.msSndBuf : perf.msRcvBuf) / 1000;
  stats.bandwidth_bps = perf.mbpsBandwidth * 1e6;
  stats.received_packets = static_cast<uint64_t>(perf.pktRecvTotal);
  stats.received_bytes = received;
  stats.lost_packets = static_cast<uint64_t>(s.sends ? perf.pktSndLossTotal : perf.pktRcvLossTotal);
  if (s.sends)
    stats.retransmitted_packets = static_cast<uint64_t>(perf.pktRetransTotal);
  else
    stats.retransmitted_packets += static_cast<uint64_t>(perf.pktRcvRetrans) - s.retransmitted_seen;
  s.retransmitted_seen = static_cast<uint64_t>(perf.pktRcvRetrans);
  stats.dropped_packets =
      static_cast<uint64_t>(s.sends ? perf.pktSndDropTotal : perf.pktRcvDropTotal);
  stats.undecrypted_packets = static_cast<uint64_t>(perf.pktRcvUndecryptTotal);
  stats.buffered_bytes = bytes;
  const uint64_t out = bytes + dropped;
  stats.acknowledged_bytes = std::max(stats.acknowledged_bytes, s.sent > out ? s.sent - out : 0);
}

void Engine::State::tick() {
  const Nanoseconds now = monotonic_now();
  for (auto at = sockets.begin(); at != sockets.end();) {
    const SocketPtr socket = (at++)->second;  // which may go
    Socket::State& s = *socket;
    if (s.broken) {
      // What libsrt holds back for its latency, then what a full receiver did not take.
      if (s.reading) read(socket);
      const Nanoseconds waited = now - s.broken_at;
      const auto latency = std::chrono::duration<double>(s.stats.latency_seconds);
      if (s.reading && waited < latency + kLatencyMargin) continue;
      if (!s.held.empty() && waited < kLastReads) continue;
      measure(socket, now);
      // An idle connection breaks after kPeerIdleTime; one that was heard lately was closed.
      const bool closed = s.broken_at - s.heard_at < kPeerIdleTime - 1s;
      failed(socket,
             {closed && !s.sends ? Failure::Kind::kClosed : Failure::Kind::kBroken, 0, false, false,
              closed && !s.sends ? "the peer closed the connection"
              : s.sends          ? "the connection broke"
                        : "nothing was heard for " + std::to_string(kPeerIdleTime / 1s) + " s"});
      continue;
    }
    if (!s.held.empty()) read(socket);
    if (!s.connecting && now - s.stats_at >= (s.sends ? Nanoseconds(kSenderStatsInterval)
                                                      : Nanoseconds(kStatsInterval)))
      measure(socket, now);
    if (!s.finish_by) continue;
    flush(socket);
    const bool done = [&] {
      size_t blocks = 0, bytes = 0;
      const std::lock_guard lock(s.mutex);
      return s.connecting || (s.out.empty() && srt_getsndbuffer(s.id, &blocks, &bytes) == 0);
    }();
    // The peer's library has it all, and gives it to its program after the latency.
    if (done && !std::exchange(s.drained, true)) {
      const auto latency = std::chrono::duration<double>(s.stats.latency_seconds);
      const Nanoseconds out =
          now + std::chrono::duration_cast<Nanoseconds>(latency) + kLatencyMargin;
      s.finish_by = s.connecting ? now : std::min(*s.finish_by, out);
    }
    if (now >= *s.finish_by) forget(socket);
  }
  for (const auto& [id, listener] : listeners) {
    const std::lock_guard lock(listener->mutex);
    std::erase_if(listener->let,
                  [now](const auto& let) { return now - let.second.at > kStaleToken; });
  }
}

void Engine::State::failed(const SocketPtr& socket, Failure failure) {
  forget(socket);
  tell(socket, [failure](const Socket::Handlers& h) {
    if (h.closed) h.closed(failure);
  });
}

void Engine::State::forget(const SocketPtr& socket) {
  if (socket->id == SRT_INVALID_SOCK) return;
  if (socket->registered) srt_epoll_remove_usock(epoll, socket->id);
  socket->registered = false;
  srt_close(socket->id);
  sockets.erase(socket->id);
  socket->id = SRT_INVALID_SOCK;
  socket->received = nullptr;
  socket->reading = false;
}

Engine::Engine(boost::asio::io_context& io) : state_(std::make_shared<State>(io)) {
  srt_startup();
  // Hostile peers could fill a log; what matters is reported as a reason.
  srt_setloglevel(LOG_CRIT);
  srt_setloghandler(nullptr, [](void*, int, const char*, int, const char*, const char*) {});
  state_->epoll = srt_epoll_create();
  srt_epoll_set(state_->epoll, SRT_EPOLL_ENABLE_EMPTY);
  state_->thread = std::thread([state = state_.get()] { state->loop(); });
}

Engine::~Engine() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    state_->commands.clear();
  }
  state_->wake.notify_all();
  state_->decided.notify_all();
  state_->thread.join();
  srt_epoll_release(state_->epoll);
  srt_cleanup();
  state_->listeners.clear();
  state_->closed_listeners.clear();
}

}  // namespace stream::srt

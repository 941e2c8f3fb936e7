// Connections: their settings, how they begin and fail, and what their owner may ask of them.
#include <access_control.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/url.h"
#include "srt/state.h"

namespace stream::srt {

using namespace std::chrono_literals;

namespace {

constexpr auto kFinish = 1500ms;  // for the last bytes to be acknowledged and played

// In packets, for what may be on the way or wait for its time: as many as 50 Mbit/s bring within
// the latency and a round trip, and libsrt's own least. Beyond that libsrt's lists would only be
// longer.
constexpr int kLeastBuffer = 8192;
constexpr auto kRoundTrip = 500ms;
constexpr int kPacketsPerSecond = 50'000'000 / 8 / 1316;
constexpr int kPacketBytes = 1472;  // as libsrt counts them

constexpr int kPeerIdle = static_cast<int>(kPeerIdleTime.count());

}  // namespace

std::string last_error() {
  return srt_getlasterror_str();
}
std::string host_text(const Endpoint& endpoint) {
  return endpoint.address().to_string();
}
std::string address_text(const Endpoint& endpoint) {
  return host_port(host_text(endpoint), endpoint.port());
}
Endpoint endpoint_of(const sockaddr* address) {
  Endpoint endpoint;
  const size_t size = address->sa_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  std::memcpy(endpoint.data(), address, size);
  return endpoint;
}

void set(SRTSOCKET id, SRT_SOCKOPT option, int value) {
  srt_setsockflag(id, option, &value, sizeof value);
}
void set(SRTSOCKET id, SRT_SOCKOPT option, const Secret& value) {
  const std::string_view text = value.reveal();
  srt_setsockflag(id, option, text.data(), static_cast<int>(text.size()));
}

void apply(SRTSOCKET id, const Settings& settings) {
  set(id, SRTO_RCVSYN, 0);
  set(id, SRTO_SNDSYN, 0);
  set(id, SRTO_LATENCY, static_cast<int>(settings.latency.count()));
  const auto packets = std::max<int64_t>(
      kLeastBuffer, (settings.latency + kRoundTrip).count() * kPacketsPerSecond / 1000);
  set(id, SRTO_FC, static_cast<int>(packets));
  set(id, SRTO_RCVBUF, static_cast<int>(packets) * kPacketBytes);
  set(id, SRTO_PEERIDLETIMEO, kPeerIdle);
  set(id, SRTO_CONNTIMEO, static_cast<int>(settings.connect_timeout.count()));
  if (settings.reorder > 0) set(id, SRTO_LOSSMAXTTL, settings.reorder);
  if (settings.key_length > 0) set(id, SRTO_PBKEYLEN, settings.key_length);
  if (!settings.passphrase.empty()) set(id, SRTO_PASSPHRASE, settings.passphrase);
}

Failure refusal(int code, bool rendezvous) {
  Failure failure{Failure::Kind::kRefused, code, false, false, {}};
  switch (code) {
    case SRT_REJ_TIMEOUT:
    case SRT_REJ_UNKNOWN:
    case SRT_REJ_RESOURCE:
      failure.kind = Failure::Kind::kUnreachable;
      failure.reason = rendezvous ? "the other side did not call" : "no answer";
      break;
    case SRT_REJ_BADSECRET:
      failure.permanent = true;
      failure.reason = "the passphrase is wrong";
      break;
    case SRT_REJ_UNSECURE:
      failure.permanent = true;
      failure.reason = "only one side has a passphrase";
      break;
    case SRT_REJX_UNAUTHORIZED:
    case SRT_REJX_FORBIDDEN:
    case SRT_REJX_NOTFOUND:
    case SRT_REJX_BAD_MODE:
    case SRT_REJX_BAD_REQUEST:
      failure.permanent = true;
      failure.reason = "the peer refuses the stream id (" + std::to_string(code) + ")";
      break;
    case SRT_REJX_CONFLICT:
    case SRT_REJX_LOCKED:
      failure.permanent = failure.in_use = true;
      failure.reason = "somebody publishes there already (" + std::to_string(code) + ")";
      break;
    default:
      failure.reason = "the peer refuses: " + std::string(srt_rejectreason_str(code)) + " (" +
                       std::to_string(code) + ")";
  }
  return failure;
}

void Engine::State::begin(const SocketPtr& socket, const Endpoint& peer, const Settings& settings) {
  socket->id = srt_create_socket();
  apply(socket->id, settings);
  set(socket->id, SRTO_SENDER, 0);
  if (!settings.stream_id.empty()) set(socket->id, SRTO_STREAMID, settings.stream_id);
  socket->connecting = true;
  socket->rendezvous = settings.rendezvous;
  bool good = true;
  if (settings.rendezvous) set(socket->id, SRTO_RENDEZVOUS, 1);
  if (settings.rendezvous || !settings.local_host.empty()) {
    Endpoint local(peer.protocol(), settings.rendezvous ? peer.port() : uint16_t{0});
    boost::system::error_code error;
    const auto host = boost::asio::ip::make_address(settings.local_host, error);
    if (!error) local.address(host);
    good = srt_bind(socket->id, local.data(), static_cast<int>(local.size())) == 0;
  }
  if (good) {
    add(socket, SRT_EPOLL_OUT | SRT_EPOLL_IN | SRT_EPOLL_ERR);
    good = srt_connect(socket->id, peer.data(), static_cast<int>(peer.size())) == 0;
  }
  if (!good) failed(socket, {Failure::Kind::kUnreachable, 0, false, false, last_error()});
}

Socket::~Socket() {
  close();
}

void Socket::start(Handlers handlers) {
  state_->handlers = std::move(handlers);
  auto received = state_->handlers.received;
  state_->engine->command([state = state_, received = std::move(received)] {
    if (state->id == SRT_INVALID_SOCK) return;
    state->received = received;
    state->reading = received != nullptr;
  });
}

bool Socket::send(Buffer bytes) {
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->out_bytes >= kSendQueue) {
      state_->wants_room = true;
      return false;
    }
    state_->out_bytes += bytes.size();
    state_->stats.waiting_bytes = state_->out_bytes;
    state_->out.push_back(std::move(bytes));
  }
  state_->engine->command([state = state_] { state->engine->flush(state); });
  return true;
}

void Socket::finish() {
  state_->engine->command([state = state_] {
    if (!state->finish_by) state->finish_by = monotonic_now() + kFinish;
  });
}

void Socket::close() {
  if (std::exchange(state_->quiet, true)) return;
  state_->handlers = {};
  state_->engine->command([state = state_] {
    if (!state->finish_by) state->engine->forget(state);
  });
}

Stats Socket::stats() const {
  const std::lock_guard lock(state_->mutex);
  return state_->stats;
}

std::shared_ptr<Socket> Engine::connect(const Endpoint& peer, Settings settings,
                                        Socket::Handlers handlers) {
  auto state = std::make_shared<Socket::State>();
  state->engine = state_;
  state->received = handlers.received;
  state->handlers = std::move(handlers);
  const std::shared_ptr<Socket> socket(new Socket(state));
  socket->address_ = address_text(peer);
  socket->host_ = host_text(peer);
  state_->command([state, peer, settings = std::move(settings)] {
    state->engine->begin(state, peer, settings);
  });
  return socket;
}

}  // namespace stream::srt

// Taking connections: who asks is decided on the loop while libsrt's receiving thread waits, so
// that a passphrase can be chosen before the handshake is concluded.
#include <netdb.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "srt/state.h"
#include "srt/stream_id.h"

namespace stream::srt {

namespace {

using namespace std::chrono_literals;

constexpr int kBacklog = 256;
// The receiving thread of the port waits for answers, and connections that are there with it: not
// longer than a quarter of the time, whoever asks how often. An answer of the loop itself is
// always waited for.
constexpr Nanoseconds kMostPatience = 3s, kLeastPatience = 20ms;
constexpr int kPatienceShare = 4;
// A caller repeats its handshake four times a second: what gathered while it waited is one attempt.
constexpr Nanoseconds kSameAttempt = 3s;
constexpr size_t kMostUnanswered = 256;
constexpr int kMinimumVersion = 0x010300;  // stream ids came with it

}  // namespace

void Engine::State::accept(const ListenerPtr& listener) {
  for (;;) {
    sockaddr_storage storage{};
    auto* address = reinterpret_cast<sockaddr*>(&storage);
    int size = sizeof storage;
    const SRTSOCKET id = srt_accept(listener->id, address, &size);
    if (id == SRT_INVALID_SOCK) return;
    std::shared_ptr<void> token;
    {
      const std::lock_guard lock(listener->mutex);
      if (const auto at = listener->let.find(id); at != listener->let.end()) {
        token = std::move(at->second.token);
        listener->let.erase(at);
      }
    }
    const Endpoint peer = endpoint_of(address);
    auto state = std::make_shared<Socket::State>();
    state->engine = shared_from_this();
    state->id = id;
    state->heard_at = monotonic_now();
    set(id, SRTO_RCVSYN, 0);
    set(id, SRTO_SNDSYN, 0);
    add(state, SRT_EPOLL_IN | SRT_EPOLL_ERR);
    measure(state, monotonic_now());
    const std::shared_ptr<Socket> socket(new Socket(state));
    socket->address_ = address_text(peer);
    socket->host_ = host_text(peer);
    boost::asio::post(io, [listener, socket, token] {
      if (!listener->quiet && listener->handlers.accepted)
        listener->handlers.accepted(socket, token);
    });
  }
}

// On libsrt's receiving thread, which can do nothing else meanwhile.
int Engine::State::asked(void* opaque, SRTSOCKET id, int, const sockaddr* peer,
                         const char* stream_id) {
  auto& listener = *static_cast<Listener::State*>(opaque);
  try {
    const Endpoint from = endpoint_of(peer);
    Asking asking{address_text(from), host_text(from),
                  stream_id ? std::string(stream_id, strnlen(stream_id, kMaxStreamId + 1)) : ""};
    const Answer answer = listener.engine->ask(listener, std::move(asking));
    if (answer.refused == 0 && !answer.passphrase.empty())
      set(id, SRTO_PASSPHRASE, answer.passphrase);
    if (answer.refused != 0) {
      srt_setrejectreason(id, answer.refused);
      return -1;
    }
    const std::lock_guard lock(listener.mutex);
    listener.let[id] = {answer.token, monotonic_now()};
    return 0;
  } catch (const std::exception&) {
    return -1;
  }
}

Answer Engine::State::ask(Listener::State& listener, Asking asking) {
  struct Question {
    Asking asking;
    std::optional<Answer> answer;
    bool abandoned = false;
  };
  Answer late;
  late.refused = kOverload;
  const Nanoseconds began = monotonic_now();
  std::erase_if(listener.unanswered,
                [&](const auto& one) { return began - one.second > kSameAttempt; });
  if (listener.unanswered.contains(asking.address)) return late;
  const std::string address = asking.address;
  auto question = std::make_shared<Question>();
  question->asking = std::move(asking);
  const auto self = shared_from_this();
  boost::asio::post(io, [self, question, &listener] {
    {
      const std::lock_guard lock(self->mutex);
      if (question->abandoned || self->stopping) return;
    }
    const auto answered = [self, question](Answer answer) {
      const std::lock_guard lock(self->mutex);
      question->answer = std::move(answer);
      self->decided.notify_all();
    };
    if (!listener.quiet && listener.handlers.asked)
      return listener.handlers.asked(question->asking, answered);
    Answer closed;
    closed.refused = kUnavailable;
    answered(std::move(closed));
  });
  listener.patience =
      std::min(kMostPatience, listener.patience + (began - listener.patience_at) / kPatienceShare);
  const Nanoseconds limit =
      std::clamp<Nanoseconds>(listener.patience, kLeastPatience, Listener::kDecision);
  std::unique_lock lock(mutex);
  decided.wait_for(lock, limit, [&] { return stopping || question->answer; });
  question->abandoned = true;
  listener.patience_at = monotonic_now();
  listener.patience -= std::min(listener.patience, listener.patience_at - began);
  if (question->answer) return *question->answer;
  if (listener.unanswered.size() < kMostUnanswered)
    listener.unanswered[address] = listener.patience_at;
  return late;
}

Listener::~Listener() {
  state_->quiet = true;
  state_->handlers = {};
  state_->engine->command([state = state_] {
    Engine::State& engine = *state->engine;
    srt_epoll_remove_usock(engine.epoll, state->id);
    srt_close(state->id);
    engine.listeners.erase(state->id);
    engine.closed_listeners.push_back(state);
  });
}

uint16_t Listener::port() const {
  return state_->port;
}

std::unique_ptr<Listener> Engine::listen(const std::string& host, uint16_t port,
                                         const Settings& settings, Listener::Handlers handlers) {
  const std::string where = (host.empty() ? "*" : host) + ":" + std::to_string(port);
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int code = getaddrinfo(host.empty() ? nullptr : host.c_str(), std::to_string(port).c_str(),
                               &hints, &found);
  if (code != 0)
    throw Error(Exit::kUsage, "listen.failed",
                "cannot listen on " + where + ": " + gai_strerror(code),
                "give an address of this machine, for example 127.0.0.1");
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, freeaddrinfo);
  const SRTSOCKET id = srt_create_socket();
  apply(id, settings);
  set(id, SRTO_MINVERSION, kMinimumVersion);
  if (found->ai_family == AF_INET6) set(id, SRTO_IPV6ONLY, 0);
  auto state = std::make_shared<Listener::State>();
  state->engine = state_;
  state->id = id;
  state->handlers = std::move(handlers);
  srt_listen_callback(id, &State::asked, state.get());
  if (srt_bind(id, found->ai_addr, static_cast<int>(found->ai_addrlen)) != 0 ||
      srt_listen(id, kBacklog) != 0) {
    int system = 0;
    srt_getlasterror(&system);
    const std::string why = system == EADDRINUSE ? "the UDP port is in use" : last_error();
    srt_close(id);
    throw Error(system == EADDRINUSE ? Exit::kLocked : Exit::kNo, "listen.failed",
                "cannot listen on " + where + ": " + why, "choose another address or port");
  }
  sockaddr_storage bound{};
  int size = sizeof bound;
  srt_getsockname(id, reinterpret_cast<sockaddr*>(&bound), &size);
  state->port = endpoint_of(reinterpret_cast<sockaddr*>(&bound)).port();
  state_->command([state] {
    Engine::State& engine = *state->engine;
    engine.listeners[state->id] = state;
    const int wanted = SRT_EPOLL_IN | SRT_EPOLL_ERR;
    srt_epoll_add_usock(engine.epoll, state->id, &wanted);
  });
  return std::unique_ptr<Listener>(new Listener(std::move(state)));
}

}  // namespace stream::srt

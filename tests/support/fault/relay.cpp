#include "relay.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

namespace fault {
namespace {

using namespace std::chrono_literals;

constexpr size_t kPiece = 16 << 10;  // of TCP
constexpr size_t kMostHeld =
    1u << 20;                  // bytes of a line, then the sender waits (TCP) or loses (UDP)
constexpr Time kSilent = 60s;  // after which a UDP sender is forgotten

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

int make_socket(bool udp) {
  const int fd =
      socket(AF_INET, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  if (udp) {
    const int size = 4 << 20;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  }
  return fd;
}

const sockaddr* generic(const sockaddr_in& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

void reset(int& fd) {
  if (fd < 0) return;
  const linger hard{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  close(fd);
  fd = -1;
}

}  // namespace

Time now() {
  return std::chrono::duration_cast<Time>(std::chrono::steady_clock::now().time_since_epoch());
}

Relay::Relay(bool udp, sockaddr_in listen_at, sockaddr_in target, std::vector<Step> plan,
             uint64_t seed)
    : udp_(udp),
      target_(target),
      plan_(std::move(plan)),
      random_(seed),
      listener_(make_socket(udp)) {
  const int on = 1;
  if (!udp) setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const auto shared = [](const Step& step) { return step.faults.total > 0; };
  if (!udp && std::any_of(plan_.begin(), plan_.end(), shared)) {
    const int size = 64 << 10;  // inherited; see most_held()
    setsockopt(listener_, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  }
  if (bind(listener_, generic(listen_at), sizeof listen_at) != 0) fail("bind");
  if (!udp && listen(listener_, 256) != 0) fail("listen");
  socklen_t size = sizeof listen_at;
  getsockname(listener_, reinterpret_cast<sockaddr*>(&listen_at), &size);
  port_ = ntohs(listen_at.sin_port);
}

Relay::~Relay() {
  for (const LinePtr& line : lines_) cut(*line);
  close(listener_);
}

// Bytes of a line that may wait in here. Where lines share a rate each waits with little, as in a
// router, so that their senders notice.
size_t Relay::most_held() const {
  return faults().total > 0 ? kPiece : kMostHeld;
}

void Relay::advance(Time t) {
  if (!begun_) return;
  while (step_ + 1 < plan_.size() && t - *begun_ >= plan_[step_ + 1].at) {
    ++step_;
    if (!faults().cut) continue;
    for (const LinePtr& line : lines_) {
      if (line->gone) continue;
      cut(*line);
      ++counts_.cut;
    }
  }
}

void Relay::cut(Line& line) {
  line.gone = true;
  if (!udp_) reset(line.near);
  reset(line.far);
}

void Relay::accept(Time t) {
  for (;;) {
    int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    if (!begun_) begun_ = t;
    if (faults().cut) {
      reset(fd);
      continue;
    }
    auto line = std::make_shared<Line>();
    line->near = fd;
    line->far = make_socket(false);
    if (connect(line->far, generic(target_), sizeof target_) != 0 && errno != EINPROGRESS) {
      cut(*line);
      continue;
    }
    ++counts_.connections;
    lines_.push_back(std::move(line));
  }
}

void Relay::datagrams(Time t) {
  uint8_t buffer[65536];
  for (int i = 0; i < 256; ++i) {
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    const ssize_t n =
        recvfrom(listener_, buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&peer), &size);
    if (n < 0) return;
    if (!begun_) begun_ = t;
    auto at = std::find_if(lines_.begin(), lines_.end(), [&](const LinePtr& line) {
      return !line->gone && line->peer.sin_port == peer.sin_port &&
             line->peer.sin_addr.s_addr == peer.sin_addr.s_addr;
    });
    if (at == lines_.end()) {
      if (faults().cut) continue;
      auto line = std::make_shared<Line>();
      line->peer = peer;
      line->far = make_socket(true);
      if (connect(line->far, generic(target_), sizeof target_) != 0) fail("connect");
      ++counts_.connections;
      at = lines_.insert(lines_.end(), std::move(line));
    }
    (*at)->used = t;
    pass(*at, true, std::vector<uint8_t>(buffer, buffer + n), t);
  }
}

// What can be read on one side of a line.
void Relay::from(const LinePtr& line, bool near, Time t) {
  std::vector<uint8_t> buffer(udp_ ? 65536 : kPiece);
  for (int i = 0; i < 64 && !line->gone; ++i) {
    if (!udp_ && (line->held >= most_held() || faults().stall)) return;
    const ssize_t n = recv(near ? line->near : line->far, buffer.data(), buffer.size(), 0);
    if (n < 0 && udp_) return;  // also a port that nobody listens on
    if (n < 0) {
      if (errno != EAGAIN && errno != EINTR) cut(*line);
      return;
    }
    line->used = t;
    pass(line, near, std::vector<uint8_t>(buffer.begin(), buffer.begin() + n), t);
    if (n == 0 && !udp_) {
      (near ? line->near_ended : line->far_ended) = true;
      return;
    }
  }
}

void Relay::pass(const LinePtr& line, bool to_far, std::vector<uint8_t> bytes, Time t) {
  const Faults& f = faults();
  if (udp_ && (f.stall || f.cut || line->held >= kMostHeld || random_.happens(f.loss))) {
    ++counts_.lost;
    return;
  }
  Time at = t + f.delay;
  if (f.jitter > Time(0))
    at += Time(static_cast<int64_t>(random_.share() * static_cast<double>(f.jitter.count())));
  if (f.rate > 0) {
    Time& free = to_far ? line->free_far : line->free_near;
    free = std::max(free, t) + Time(bytes.size() * 1'000'000 / f.rate);
    at = std::max(at, free + f.delay);
  }
  if (f.total > 0 && to_far) {
    free_ = std::max(free_, t) + Time(bytes.size() * 1'000'000 / f.total);
    at = std::max(at, free_ + f.delay);
  }
  Time& last = to_far ? line->last_far : line->last_near;
  if (udp_) {
    if (random_.happens(f.reorder)) {
      at += f.reorder_by;
      ++counts_.reordered;
    }
    if (random_.happens(f.duplicate)) {
      ++counts_.duplicated;
      hold(line, to_far, bytes, at);
    }
  } else {
    at = last = std::max(at, last);
  }
  hold(line, to_far, std::move(bytes), at);
}

void Relay::hold(const LinePtr& line, bool to_far, std::vector<uint8_t> bytes, Time at) {
  line->held += bytes.size();
  queue_.push({at, order_++, line, to_far, std::move(bytes)});
}

// False when the other side takes no more now.
bool Relay::write(Held& held) {
  Line& line = *held.line;
  if (line.gone) return true;
  if (udp_) {
    if (held.to_far)
      (void)!send(line.far, held.bytes.data(), held.bytes.size(), 0);
    else
      (void)!sendto(listener_, held.bytes.data(), held.bytes.size(), 0, generic(line.peer),
                    sizeof line.peer);
    return true;
  }
  const int fd = held.to_far ? line.far : line.near;
  if (held.bytes.empty()) {
    shutdown(fd, SHUT_WR);
    return true;
  }
  const ssize_t n = send(fd, held.bytes.data(), held.bytes.size(), MSG_NOSIGNAL);
  if (n < 0 && errno != EAGAIN && errno != EINTR && errno != ENOTCONN) {
    cut(line);
    return true;
  }
  if (n > 0) {
    held.bytes.erase(held.bytes.begin(), held.bytes.begin() + n);
    line.held -= static_cast<size_t>(n);
  }
  return held.bytes.empty();
}

void Relay::deliver(Time t) {
  std::vector<Held> again;
  const bool stalled = !udp_ && faults().stall;
  while (!stalled && !queue_.empty() && queue_.top().at <= t) {
    Held held = queue_.top();
    queue_.pop();
    // Bytes of a line keep their order: what follows one that waits, waits.
    const bool behind = std::any_of(again.begin(), again.end(), [&](const Held& other) {
      return other.line == held.line && other.to_far == held.to_far;
    });
    const size_t size = held.bytes.size();
    if (behind || !write(held)) {
      again.push_back(std::move(held));
      continue;
    }
    ++counts_.passed;
    held.line->held -= std::min(held.line->held, udp_ ? size : held.bytes.size());
  }
  // Tried again a millisecond later, in the order they had.
  for (Held& held : again) {
    held.at = t + 1ms;
    queue_.push(std::move(held));
  }
}

void Relay::sweep(Time t) {
  lines_.remove_if([&](const LinePtr& line) {
    if (!udp_ && line->near_ended && line->far_ended && line->held == 0) cut(*line);
    if (udp_ && t - line->used > kSilent) cut(*line);
    return line->gone;
  });
}

void Relay::run(const volatile bool& stop) {
  while (!stop) {
    std::vector<pollfd> fds{{listener_, POLLIN, 0}};
    std::vector<std::pair<LinePtr, bool>> owners;
    for (const LinePtr& line : lines_) {
      const bool reads = udp_ || (line->held < most_held() && !faults().stall);
      for (const bool near : {true, false}) {
        const int fd = near ? line->near : line->far;
        if (fd < 0 || !reads || (near ? line->near_ended : line->far_ended)) continue;
        fds.push_back({fd, POLLIN, 0});
        owners.emplace_back(line, near);
      }
    }
    Time t = now();
    Time wait = 100ms;
    if (!queue_.empty() && !(faults().stall && !udp_))
      wait = std::clamp(queue_.top().at - t, Time(0), wait);
    const timespec timeout{0, wait.count() * 1000};
    ppoll(fds.data(), fds.size(), &timeout, nullptr);
    t = now();
    advance(t);
    if (fds[0].revents) udp_ ? datagrams(t) : accept(t);
    for (size_t i = 1; i < fds.size(); ++i)
      if (fds[i].revents && !owners[i - 1].first->gone)
        from(owners[i - 1].first, owners[i - 1].second, t);
    deliver(t);
    sweep(t);
  }
}

}  // namespace fault

#include "ingest/turn_reader.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/error.h"

namespace stream::media {
namespace {

using namespace std::chrono_literals;
using boost::system::error_code;

// The turns grow with the number of sockets; 3 ms spare nearly as much as 20 ms.
constexpr size_t kTurnsFrom = 8;
constexpr auto kTurnPerSocket = 200us;
constexpr auto kLongestTurn = 3ms;

}  // namespace

TurnReader::TurnReader(boost::asio::io_context& io, Nanoseconds turn)
    : fixed_turn_(turn), epoll_(::epoll_create1(EPOLL_CLOEXEC)), watched_(io), turn_(io) {
  if (!epoll_) throw_errno("watch", "sockets", errno);
}

TurnReader::~TurnReader() {
  if (watched_.is_open()) watched_.release();
}

bool TurnReader::in_turns() const noexcept {
  return fixed_turn_ > 0ns || clients_ >= kTurnsFrom;
}

Nanoseconds TurnReader::turn() const noexcept {
  if (fixed_turn_ > 0ns) return fixed_turn_;
  if (!in_turns()) return 0ns;  // what was left
  return std::min<Nanoseconds>(kLongestTurn, kTurnPerSocket * static_cast<int64_t>(clients_));
}

void TurnReader::add(int fd, Client& client) {
  epoll_event event{};
  // At edges: else the system looks at each socket once more, whether it has become empty.
  event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &client;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
    throw_errno("watch", "a socket", errno);
  ++clients_;
  if (watched_.is_open() && in_turns()) watched_.release();  // ends the wait
  next();
}

void TurnReader::remove(int fd, Client& client) {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  std::erase(rest_, &client);
  --clients_;
}

// While turns are taken the event loop must not see the descriptor: it would wake for each message.
void TurnReader::next() {
  if (waiting_ || clients_ == 0) return;
  waiting_ = true;
  const auto then = [weak = weak_from_this()](error_code) {
    const auto self = weak.lock();
    if (!self) return;
    self->waiting_ = false;
    self->look();
    self->next();
  };
  if (in_turns() || !rest_.empty()) {
    turn_.expires_after(turn());
    turn_.async_wait(then);
    return;
  }
  if (!watched_.is_open()) watched_.assign(epoll_.get());
  watched_.async_wait(boost::asio::posix::stream_descriptor::wait_read, then);
}

void TurnReader::look() {
  for (Client* client : std::exchange(rest_, {}))
    if (client->readable(false)) rest_.push_back(client);
  const int count = ::epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()), 0);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events_[static_cast<size_t>(i)];
    auto* const client = static_cast<Client*>(event.data.ptr);
    const bool end = (event.events & ~uint32_t{EPOLLIN}) != 0;
    if (client->readable(end) && std::find(rest_.begin(), rest_.end(), client) == rest_.end())
      rest_.push_back(client);
  }
}

}  // namespace stream::media

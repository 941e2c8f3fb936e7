#include "ingest/turn_reader.h"

#include <algorithm>
#include <cerrno>

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

TurnReader::TurnReader(boost::asio::io_context& io)
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)), watched_(io), turn_(io) {
  if (!epoll_) throw_errno("watch", "sockets", errno);
}

TurnReader::~TurnReader() {
  if (watched_.is_open()) watched_.release();
}

bool TurnReader::in_turns() const noexcept {
  return clients_ >= kTurnsFrom;
}

void TurnReader::add(int fd, Client& client) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &client;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
    throw_errno("watch", "a socket", errno);
  ++clients_;
  if (watched_.is_open() && in_turns()) watched_.release();  // ends the wait
  next();
}

void TurnReader::remove(int fd) {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
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
  if (in_turns()) {
    turn_.expires_after(std::min<boost::asio::steady_timer::duration>(
        kLongestTurn, kTurnPerSocket * static_cast<int64_t>(clients_)));
    turn_.async_wait(then);
    return;
  }
  if (!watched_.is_open()) watched_.assign(epoll_.get());
  watched_.async_wait(boost::asio::posix::stream_descriptor::wait_read, then);
}

void TurnReader::look() {
  const int count = ::epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()), 0);
  for (int i = 0; i < count; ++i)
    static_cast<Client*>(events_[static_cast<size_t>(i)].data.ptr)->readable();
}

}  // namespace stream::media

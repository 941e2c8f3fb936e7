#include "media/fd_output.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <thread>
#include <utility>
#include <vector>

#include "base/bounded_queue.h"
#include "base/error.h"
#include "media/muxed_reader.h"

namespace stream::media {
namespace {

namespace asio = boost::asio;
using Chunk = std::vector<uint8_t>;

constexpr size_t kChunk = 128 << 10;
constexpr size_t kChunks = 4;  // between the two threads

}  // namespace

struct FdOutput::State : std::enable_shared_from_this<State> {
  State(asio::io_context& context, os::Fd descriptor, Done on_done)
      : io(context),
        fd(std::move(descriptor)),
        cancel(::eventfd(0, EFD_CLOEXEC)),
        done(std::move(on_done)) {}

  asio::io_context& io;
  os::Fd fd, cancel;
  Done done;                          // io thread
  std::optional<MuxedReader> reader;  // io thread
  bool scheduled = false;             // io thread
  Chunk pending;                      // io thread: did not fit into the queue yet
  BoundedQueue<Chunk> queue{kChunks};
  std::atomic<uint64_t> written{0};
  std::thread thread;

  void schedule() {
    if (std::exchange(scheduled, true)) return;
    asio::post(io, [self = shared_from_this()] {
      self->scheduled = false;
      self->pump();
    });
  }
  void finish(int error, const std::string& text) {
    reader.reset();
    if (auto call = std::exchange(done, nullptr)) call(error, text);
  }
  void pump();
  void write_loop();
  int write_all(const Chunk& chunk);
};

void FdOutput::State::pump() {
  if (!reader) return;
  for (;;) {
    if (pending.empty()) {
      try {
        reader->fill(pending, kChunk);
      } catch (const Error& error) {
        queue.stop();
        return finish(-1, error.what());
      }
    }
    if (pending.empty()) break;
    if (!queue.try_push(pending)) return;  // the writer asks again when it took one
    pending.clear();
  }
  if (reader->finished()) queue.stop();
}

// As os::write_all, but it can be called off.
int FdOutput::State::write_all(const Chunk& chunk) {
  size_t at = 0;
  while (at < chunk.size()) {
    pollfd fds[] = {{fd.get(), POLLOUT, 0}, {cancel.get(), POLLIN, 0}};
    if (::poll(fds, 2, -1) < 0 && errno != EINTR) return errno;
    if (fds[1].revents) return ECANCELED;
    if (!fds[0].revents) continue;
    // A pipe that polls writable takes this much without blocking.
    const ssize_t n =
        ::write(fd.get(), chunk.data() + at, std::min<size_t>(chunk.size() - at, 4096));
    if (n < 0 && errno != EINTR && errno != EAGAIN) return errno;
    if (n > 0) {
      at += static_cast<size_t>(n);
      written += static_cast<uint64_t>(n);
    }
  }
  return 0;
}

void FdOutput::State::write_loop() {
  int error = 0;
  while (auto chunk = queue.pop()) {
    error = write_all(*chunk);
    if (error) break;
    asio::post(io, [self = shared_from_this()] { self->pump(); });
  }
  queue.stop();
  asio::post(io, [self = shared_from_this(), error] {
    self->finish(error, error ? errno_text(error) : "");
  });
}

FdOutput::FdOutput(asio::io_context& io, Hub& hub, os::Fd fd, std::string format, OnSlow on_slow,
                   Done done)
    : state_(std::make_shared<State>(io, std::move(fd), std::move(done))) {
  State* state = state_.get();
  state->reader.emplace(hub, std::move(format), on_slow, [state] { state->schedule(); });
  state->thread = std::thread([state] { state->write_loop(); });
  state->schedule();
}

FdOutput::~FdOutput() {
  state_->done = nullptr;
  state_->reader.reset();
  const uint64_t one = 1;
  if (::write(state_->cancel.get(), &one, sizeof one) < 0) std::abort();
  state_->queue.stop();
  state_->thread.join();
}

uint64_t FdOutput::written_bytes() const {
  return state_->written;
}

uint64_t FdOutput::dropped_packets() const {
  return state_->reader ? state_->reader->reader().dropped() : 0;
}

}  // namespace stream::media

#include "control/line_writer.h"

#include <chrono>
#include <utility>

#include "base/buffer.h"

namespace stream::control {
namespace {

constexpr size_t kMaxLines = 4096;

}  // namespace

LineWriter::LineWriter(os::Fd fd) : state_(std::make_shared<State>()) {
  state_->fd = std::move(fd);
  thread_ = std::thread([state = state_] { write_lines(state); });
}

LineWriter::~LineWriter() {
  const bool done = flush(std::chrono::seconds(1));
  {
    std::lock_guard lock(state_->mutex);
    state_->stopped = true;
    state_->changed.notify_all();
  }
  if (done)
    thread_.join();
  else
    thread_.detach();  // it hangs in a write that nobody reads
}

void LineWriter::push(std::shared_ptr<const std::string> line) {
  std::lock_guard lock(state_->mutex);
  if (state_->stopped) return;
  if (state_->lines.size() >= kMaxLines) {
    state_->lines.pop_front();
    ++state_->dropped;
  }
  state_->lines.push_back(std::move(line));
  state_->changed.notify_all();
}

uint64_t LineWriter::take_dropped() {
  std::lock_guard lock(state_->mutex);
  return std::exchange(state_->dropped, 0);
}

bool LineWriter::flush(std::chrono::milliseconds timeout) {
  std::unique_lock lock(state_->mutex);
  return state_->changed.wait_for(lock, timeout,
                                  [&] { return state_->lines.empty() && !state_->writing; });
}

void LineWriter::write_lines(const std::shared_ptr<State>& state) {
  std::unique_lock lock(state->mutex);
  for (;;) {
    state->changed.wait(lock, [&] { return state->stopped || !state->lines.empty(); });
    if (state->lines.empty()) return;
    const auto line = std::move(state->lines.front());
    state->lines.pop_front();
    state->writing = true;
    lock.unlock();
    const int error = os::write_all(
        state->fd.get(), Bytes{reinterpret_cast<const uint8_t*>(line->data()), line->size()});
    lock.lock();
    state->writing = false;
    if (error) {  // the reader is gone for good: events are no reason to end the stream
      state->stopped = true;
      state->lines.clear();
    }
    state->changed.notify_all();
    if (error) return;
  }
}

}  // namespace stream::control

// Joins two threads. Capacity is a count and a cost (bytes, usually); a push beyond it blocks.
// stop() wakes everybody and never stalls: pushes are refused, pops drain what is there and then
// say "ended". The first error travels with it.
#pragma once
#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>

namespace stream {

template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(size_t capacity, size_t max_cost = SIZE_MAX)
      : capacity_(capacity), max_cost_(max_cost) {}

  // False when stopped. An item larger than max_cost is taken when the queue is empty.
  bool push(T item, size_t cost = 0) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] { return stopped_ || fits(cost); });
    return put(std::move(item), cost);
  }
  // False when full or stopped; the item is then left as it was.
  bool try_push(T& item, size_t cost = 0) {
    std::unique_lock lock(mutex_);
    if (stopped_ || !fits(cost)) return false;
    return put(std::move(item), cost);
  }
  // nullopt at the end; rethrows the error that stop() was given once all is drained.
  std::optional<T> pop() {
    std::unique_lock lock(mutex_);
    items_.wait(lock, [&] { return stopped_ || !queue_.empty(); });
    return get();
  }
  // nullopt when nothing came in time or at the end; ended() tells them apart.
  template <typename Duration>
  std::optional<T> pop_for(Duration timeout) {
    std::unique_lock lock(mutex_);
    items_.wait_for(lock, timeout, [&] { return stopped_ || !queue_.empty(); });
    return get();
  }
  void stop(std::exception_ptr error = nullptr) {
    std::lock_guard lock(mutex_);
    if (!stopped_) error_ = error;
    stopped_ = true;
    items_.notify_all();
    room_.notify_all();
  }
  bool stopped() const {
    std::lock_guard lock(mutex_);
    return stopped_;
  }
  bool ended() const {
    std::lock_guard lock(mutex_);
    return stopped_ && queue_.empty();
  }
  size_t size() const {
    std::lock_guard lock(mutex_);
    return queue_.size();
  }
  size_t cost() const {
    std::lock_guard lock(mutex_);
    return cost_;
  }

 private:
  struct Item {
    T value;
    size_t cost;
  };
  bool fits(size_t cost) const {
    return queue_.empty() ||
           (queue_.size() < capacity_ && cost <= max_cost_ - std::min(cost_, max_cost_));
  }
  bool put(T&& item, size_t cost) {
    if (stopped_) return false;
    queue_.push_back({std::move(item), cost});
    cost_ += cost;
    items_.notify_one();
    return true;
  }
  std::optional<T> get() {
    if (queue_.empty()) {
      if (stopped_ && error_) std::rethrow_exception(error_);
      return std::nullopt;
    }
    std::optional<T> value(std::move(queue_.front().value));
    cost_ -= queue_.front().cost;
    queue_.pop_front();
    room_.notify_one();
    return value;
  }

  const size_t capacity_, max_cost_;
  mutable std::mutex mutex_;
  std::condition_variable items_, room_;
  std::deque<Item> queue_;
  size_t cost_ = 0;
  bool stopped_ = false;
  std::exception_ptr error_;
};

}  // namespace stream

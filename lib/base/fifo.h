// A queue in one piece of memory that it keeps: what goes in and soon out again allocates nothing.
// Not bounded: its owner is.
#pragma once
#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace stream {

template <typename T>
class Fifo {
 public:
  bool empty() const noexcept { return head_ == items_.size(); }
  size_t size() const noexcept { return items_.size() - head_; }
  T& front() noexcept { return items_[head_]; }
  const T& front() const noexcept { return items_[head_]; }
  const T& back() const noexcept { return items_.back(); }
  auto begin() const noexcept { return items_.begin() + static_cast<std::ptrdiff_t>(head_); }
  auto end() const noexcept { return items_.end(); }

  void push(T item) { items_.push_back(std::move(item)); }
  T pop() {
    T item = std::move(items_[head_++]);
    if (empty())
      clear();
    else if (head_ >= kLeastGap && head_ >= size())
      close_gap();
    return item;
  }
  void clear() {
    items_.clear();
    head_ = 0;
    if (items_.capacity() > kKept) items_ = {};
  }

 private:
  static constexpr size_t kLeastGap = 32;  // of items that were taken
  static constexpr size_t kKept = 256;     // items an empty queue has room for

  void close_gap() {
    items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }

  std::vector<T> items_;
  size_t head_ = 0;  // before it: taken
};

}  // namespace stream

// A string that must not be seen: it has no stream operator, no conversion and no comparison that
// leaks time, and it is wiped when it goes. reveal() is the one door, and easy to search for.
#pragma once
#include <cstring>
#include <string>
#include <string_view>

#include "base/text.h"

namespace stream {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  Secret(const Secret&) = default;
  Secret& operator=(const Secret&) = default;
  Secret(Secret&& other) noexcept : value_(other.value_) { other.wipe(); }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      wipe();
      value_ = other.value_;
      other.wipe();
    }
    return *this;
  }
  ~Secret() { wipe(); }

  std::string_view reveal() const noexcept { return value_; }
  bool empty() const noexcept { return value_.empty(); }
  friend bool operator==(const Secret& a, const Secret& b) {
    return equal_constant_time(a.value_, b.value_);
  }

 private:
  void wipe() noexcept {
    explicit_bzero(value_.data(), value_.size());
    value_.clear();
  }
  std::string value_;
};

}  // namespace stream

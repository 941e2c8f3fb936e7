// Datagrams for one system call, with their addresses, in memory that is made once. What goes to
// the same peer in a row is handed over as one large datagram that the kernel cuts (UDP_SEGMENT,
// Linux 4.18): that is one way through its layers instead of many.
#pragma once
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <span>

#include "webrtc/session.h"

namespace stream::webrtc {

class DatagramBatch {
 public:
  static constexpr size_t kMost = 64, kSlot = 2048;

  std::span<uint8_t> data(size_t i) { return slots_[i].data; }

  // --- to receive: recvmmsg() into messages()
  void prepare_to_receive();
  // Where message `i` came from, and on which of our addresses.
  Path path(size_t i) const;

  // --- to send
  size_t count() const noexcept { return count_; }
  // The next slot's data are to be sent. `v6`: the socket is one of IPv6.
  void add(size_t size, const Path& path, bool v6);
  void clear() noexcept { count_ = 0; }
  // Puts the datagrams from `from` on into messages, those for one peer together if `together`.
  // Returns the number of messages.
  size_t pack(size_t from, bool together);
  size_t datagrams(size_t message) const { return packed_[message]; }

  mmsghdr* messages() noexcept { return messages_.data(); }

 private:
  static constexpr size_t kControl = 128;
  struct alignas(cmsghdr) Slot {
    std::array<uint8_t, kSlot> data;
    std::array<uint8_t, kControl> control;
    size_t control_size;
    sockaddr_storage address;
    size_t address_size;
  };
  size_t run(size_t from) const;
  bool is_same_peer(const Slot& a, const Slot& b) const;

  std::array<Slot, kMost> slots_;
  std::array<iovec, kMost> pieces_;
  std::array<mmsghdr, kMost> messages_;
  std::array<uint8_t, kMost> packed_;
  size_t count_ = 0;
};

}  // namespace stream::webrtc

#include "webrtc/datagram_batch.h"

#include <netinet/in.h>
#include <netinet/udp.h>

#include <boost/asio/ip/address.hpp>
#include <cstring>

#include "net/address.h"

namespace stream::webrtc {
namespace {

namespace ip = boost::asio::ip;

constexpr size_t kMostTogether = 60'000;  // bytes: less than the largest datagram

ip::address plain(const in6_addr& from) {
  ip::address_v6::bytes_type bytes{};
  std::memcpy(bytes.data(), &from, bytes.size());
  return net::unmapped(ip::address_v6(bytes));
}

in6_addr mapped(const ip::address& address) {
  const auto v6 =
      address.is_v4() ? ip::make_address_v6(ip::v4_mapped, address.to_v4()) : address.to_v6();
  in6_addr result{};
  const auto bytes = v6.to_bytes();
  std::memcpy(&result, bytes.data(), bytes.size());
  return result;
}

template <typename Info>
size_t put_control(uint8_t* out, int level, int type, const Info& info) {
  cmsghdr head{};
  head.cmsg_level = level;
  head.cmsg_type = type;
  head.cmsg_len = CMSG_LEN(sizeof info);
  std::memset(out, 0, CMSG_SPACE(sizeof info));
  std::memcpy(out, &head, sizeof head);
  std::memcpy(out + CMSG_LEN(0), &info, sizeof info);
  return CMSG_SPACE(sizeof info);
}

size_t put_v4(const Path& path, bool known, sockaddr_storage& address, uint8_t* control,
              size_t& control_size) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(path.remote.port());
  to.sin_addr.s_addr = htonl(path.remote.address().to_v4().to_uint());
  std::memcpy(&address, &to, sizeof to);
  if (known) {
    in_pktinfo info{};
    info.ipi_spec_dst.s_addr = htonl(path.local.to_v4().to_uint());
    control_size = put_control(control, IPPROTO_IP, IP_PKTINFO, info);
  }
  return sizeof to;
}

size_t put_v6(const Path& path, bool known, sockaddr_storage& address, uint8_t* control,
              size_t& control_size) {
  sockaddr_in6 to{};
  to.sin6_family = AF_INET6;
  to.sin6_port = htons(path.remote.port());
  to.sin6_addr = mapped(path.remote.address());
  if (path.remote.address().is_v6())
    to.sin6_scope_id = static_cast<uint32_t>(path.remote.address().to_v6().scope_id());
  std::memcpy(&address, &to, sizeof to);
  if (known) {
    in6_pktinfo info{};
    info.ipi6_addr = mapped(path.local);
    control_size = put_control(control, IPPROTO_IPV6, IPV6_PKTINFO, info);
  }
  return sizeof to;
}

}  // namespace

void DatagramBatch::prepare_to_receive() {
  for (size_t i = 0; i < kMost; ++i) {
    pieces_[i] = {slots_[i].data.data(), kSlot};
    messages_[i].msg_hdr = {&slots_[i].address,
                            sizeof(sockaddr_storage),
                            &pieces_[i],
                            1,
                            slots_[i].control.data(),
                            kControl,
                            0};
  }
}

Path DatagramBatch::path(size_t i) const {
  const sockaddr_storage& address = slots_[i].address;
  msghdr head = messages_[i].msg_hdr;
  Path path;
  if (address.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    path.remote = {ip::address_v4(ntohl(v4.sin_addr.s_addr)), ntohs(v4.sin_port)};
  } else {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    auto remote = plain(v6.sin6_addr);
    if (remote.is_v6() && remote.to_v6().is_link_local()) {
      auto scoped = remote.to_v6();
      scoped.scope_id(v6.sin6_scope_id);
      remote = scoped;
    }
    path.remote = {remote, ntohs(v6.sin6_port)};
  }
  for (cmsghdr* it = CMSG_FIRSTHDR(&head); it != nullptr; it = CMSG_NXTHDR(&head, it)) {
    if (it->cmsg_level == IPPROTO_IP && it->cmsg_type == IP_PKTINFO) {
      in_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(it), sizeof info);
      path.local = ip::address_v4(ntohl(info.ipi_addr.s_addr));
    } else if (it->cmsg_level == IPPROTO_IPV6 && it->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(it), sizeof info);
      path.local = plain(info.ipi6_addr);
    }
  }
  return path;
}

void DatagramBatch::add(size_t size, const Path& path, bool v6) {
  Slot& slot = slots_[count_];
  const bool known =
      !path.local.is_unspecified() && path.local.is_v4() == path.remote.address().is_v4();
  slot.control_size = 0;
  slot.address_size =
      v6 ? put_v6(path, known, slot.address, slot.control.data(), slot.control_size)
         : put_v4(path, known, slot.address, slot.control.data(), slot.control_size);
  pieces_[count_] = {slot.data.data(), size};
  ++count_;
}

bool DatagramBatch::is_same_peer(const Slot& a, const Slot& b) const {
  return a.address_size == b.address_size && a.control_size == b.control_size &&
         std::memcmp(&a.address, &b.address, a.address_size) == 0 &&
         std::memcmp(a.control.data(), b.control.data(), a.control_size) == 0;
}

// How many from `from` on may go together: of one size, the last may be smaller.
size_t DatagramBatch::run(size_t from) const {
  const size_t size = pieces_[from].iov_len;
  size_t length = 1, sum = size;
  for (size_t i = from + 1; i < count_; ++i) {
    const size_t next = pieces_[i].iov_len;
    sum += next;
    if (next > size || sum > kMostTogether || !is_same_peer(slots_[from], slots_[i])) break;
    ++length;
    if (next < size) break;
  }
  return length;
}

size_t DatagramBatch::pack(size_t from, bool together) {
  size_t made = 0;
  for (size_t i = from; i < count_; i += packed_[made++]) {
    Slot& slot = slots_[i];
    const size_t length = together ? run(i) : 1;
    size_t control = slot.control_size;
    if (length > 1)
      control += put_control(slot.control.data() + control, IPPROTO_UDP, UDP_SEGMENT,
                             static_cast<uint16_t>(pieces_[i].iov_len));
    packed_[made] = static_cast<uint8_t>(length);
    messages_[made].msg_hdr = {&slot.address,
                               static_cast<socklen_t>(slot.address_size),
                               &pieces_[i],
                               length,
                               control == 0 ? nullptr : slot.control.data(),
                               control,
                               0};
  }
  return made;
}

}  // namespace stream::webrtc

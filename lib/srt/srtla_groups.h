// Who sends over which links: the receiver's side of SRTLA without its sockets. A sender registers
// a group, then its links join it; what they bring is one SRT connection. Anybody may register, so
// all is bounded, and who was not let in makes room for newcomers. Pure; one thread.
#pragma once
#include <boost/asio/ip/udp.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "srt/srtla.h"

namespace stream::srt {

struct SrtlaLimits {
  size_t groups = 200;          // of which the oldest that is not let in makes room for a new one
  size_t groups_per_host = 32;  // that are not let in
  size_t links = 8;             // of a group
  Nanoseconds silence = std::chrono::seconds(10);  // after which a link is gone
};

class SrtlaGroups {
 public:
  using Endpoint = boost::asio::ip::udp::endpoint;
  struct Link {
    Endpoint peer;
    Nanoseconds heard{0};
    std::vector<uint32_t> received;  // not acknowledged yet
  };
  struct Group {
    SrtlaId id{};
    Endpoint from;    // who registered it
    Endpoint newest;  // the link that brought the last packet: answers go there
    std::vector<Link> links;
    Nanoseconds since{0};
    bool admitted = false;
  };
  struct Handlers {
    std::function<void(const Endpoint& to, Bytes)> send;
    std::function<void(const Group&)> gone;
    std::function<void(std::span<uint8_t>)> random;
  };

  SrtlaGroups(SrtlaLimits limits, Handlers handlers);

  // What came from outside: answers what is SRTLA's, and gives the group whose SRT packet it is.
  Group* received(const Endpoint& from, Bytes packet, Nanoseconds now);
  // What SRT answers.
  void send(const Group& group, Bytes packet) const;
  void tick(Nanoseconds now);
  void drop(Group& group);

  size_t size() const noexcept { return groups_.size(); }

 private:
  void reply(const Endpoint& to, SrtlaReply what) const;
  void new_group(const Endpoint& from, const SrtlaId& id, Nanoseconds now);
  void join(const Endpoint& from, const SrtlaId& id, Nanoseconds now);
  bool make_room(const Endpoint& from);
  Link* link_of(Group& group, const Endpoint& peer) const;

  const SrtlaLimits limits_;
  const Handlers handlers_;
  std::map<SrtlaId, std::unique_ptr<Group>> groups_;
  std::map<Endpoint, Group*> by_peer_;  // links, and who registered a group
};

}  // namespace stream::srt

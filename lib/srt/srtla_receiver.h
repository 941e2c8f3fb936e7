// A UDP port where SRTLA senders bring SRT over several links: what belongs together goes on to an
// SRT listener of this machine from one port, and its answers back. On the io context's thread.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "srt/srtla_groups.h"

namespace stream::srt {

class SrtlaReceiver {
 public:
  using Endpoint = SrtlaGroups::Endpoint;
  // `srt` is where the listener is. Throws Error "listen.failed".
  SrtlaReceiver(boost::asio::io_context& io, const std::string& host, uint16_t port,
                const Endpoint& srt, SrtlaLimits limits = {});
  ~SrtlaReceiver();
  SrtlaReceiver(const SrtlaReceiver&) = delete;

  void stop();
  uint16_t port() const noexcept { return port_; }
  // Of the group that SRT knows by this port of ours: its newest link, or nobody.
  std::optional<Endpoint> behind(uint16_t port) const;
  // Its publisher was let in.
  void admit(uint16_t port);

 private:
  struct Way;  // of a group to SRT
  void wait();
  void read();
  void forward(SrtlaGroups::Group& group, Bytes packet);
  void wait(const std::shared_ptr<Way>& way);
  void answer(const std::shared_ptr<Way>& way);
  void tick();

  boost::asio::io_context& io_;
  boost::asio::ip::udp::socket socket_;
  boost::asio::steady_timer ticker_;
  const Endpoint srt_;
  uint16_t port_ = 0;
  SrtlaGroups groups_;
  std::map<const SrtlaGroups::Group*, std::shared_ptr<Way>> ways_;
  std::map<uint16_t, SrtlaGroups::Group*> by_port_;
};

}  // namespace stream::srt

// A sitting at an RTMP or RTMPS server: name, connection, TLS, handshake, publish, media.
// The peer is not trusted. On the io context's thread.
#pragma once
#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "forward/link.h"
#include "net/connection.h"
#include "net/offload.h"
#include "net/resolver.h"
#include "srt/engine.h"

namespace stream::media {

// What all links of a forwarder share; outlives them.
struct ForwardNetwork {
  boost::asio::io_context& io;
  net::Resolver resolver;
  net::Offload offload;
  std::shared_ptr<const net::TlsTrust> trust;

  // Begun with the first SRT destination.
  srt::Engine& srt() {
    if (!srt_engine) srt_engine = std::make_unique<srt::Engine>(io);
    return *srt_engine;
  }
  std::unique_ptr<srt::Engine> srt_engine;

  ForwardNetwork(boost::asio::io_context& context, std::shared_ptr<const net::TlsTrust> tls)
      : io(context), resolver(context), offload(context), trust(std::move(tls)) {}
};

struct RtmpLinkOptions {
  ForwardTarget target;
  std::vector<std::string> fourccs;  // that will be sent; the peer must announce them
  bool assume_enhanced = false;      // it takes them without announcing
};

std::shared_ptr<ForwardLink> make_rtmp_link(ForwardNetwork& network, RtmpLinkOptions options,
                                            ForwardLinkHost& host);

}  // namespace stream::media

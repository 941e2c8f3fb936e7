// The part of --listen that is WHIP's: its address, its server, the UDP port that all sessions
// share.
#pragma once
#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>

#include "ingest/whip_server.h"
#include "options.h"

namespace stream::ingest {

// Throws Error kUsage for what stands in a whip:// or whips:// address and can't be.
void check_whip(const Options& options, const std::string& address);

signalling::IceServers ice_servers(const Options& options);
std::shared_ptr<webrtc::Port> open_rtc_port(boost::asio::io_context& io, const Options& options);
std::unique_ptr<media::WhipServer> listen_whip(boost::asio::io_context& io,
                                               std::shared_ptr<webrtc::Port> port,
                                               const Options& options, const std::string& address,
                                               size_t connections, net::TlsContexts tls,
                                               media::PublisherHooks hooks);

}  // namespace stream::ingest

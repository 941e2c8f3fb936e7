#include "whip_listen.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "base/url.h"
#include "listen_port.h"

namespace stream::ingest {

void check_whip(const Options&, const std::string& text) {
  const auto url = parse_url(text);
  if (!url || url->path.size() > 1 || !url->query.empty() || !url->user.empty())
    throw Error(Exit::kUsage, "ingest.listen", "cannot listen on '" + escaped(text) + "'",
                "write whip://ADDRESS:PORT or whips://ADDRESS:PORT without a path; publishers send "
                "to http://ADDRESS:PORT/STREAM/whip or https://ADDRESS:PORT/STREAM/whip");
}

signalling::IceServers ice_servers(const Options& o) {
  return {o.ice.servers, o.ice.login, o.ice.shared};
}

std::shared_ptr<webrtc::Port> open_rtc_port(boost::asio::io_context& io, const Options& o) {
  webrtc::Port::Options options;
  options.port = static_cast<uint16_t>(o.rtc_port);
  options.advertised = o.rtc_addresses;
  options.sessions = o.max_connections;
  return std::make_shared<webrtc::Port>(io, std::move(options));
}

std::unique_ptr<media::WhipServer> listen_whip(boost::asio::io_context& io,
                                               std::shared_ptr<webrtc::Port> port, const Options& o,
                                               const std::string& text, size_t connections,
                                               net::TlsContexts tls, media::PublisherHooks hooks) {
  const Url url = *parse_url(text);
  media::WhipServer::Options options;
  options.host = url.host;
  options.port = listen_port(text);
  options.tls = std::move(tls);
  options.idle = o.idle.value;
  options.connections = std::min<size_t>(o.max_connections, connections);
  options.codecs = o.codecs;
  options.ice = ice_servers(o);
  return std::make_unique<media::WhipServer>(io, std::move(port), std::move(options),
                                             std::move(hooks));
}

}  // namespace stream::ingest

#include "viewers.h"

#include "base/error.h"

namespace stream::serve {

namespace {

signalling::IceServers ice_servers(const Options& options) {
  return {options.ice.servers, options.ice.login, options.ice.shared};
}

control::Json rung_json(const std::string& text) {
  return text.empty() ? control::Json(nullptr) : control::Json(text);
}

}  // namespace

void check_rtc(const Options& options) {
  if (!options.whep && !(options.rtc_addresses.empty() && options.ice.empty()))
    throw Error(Exit::kUsage, "serve.rtc",
                "--rtc-address, --ice-server and --turn-... are for --whep, which is not given",
                "add --whep or leave them out");
  ice_servers(options);
  if (options.rtc_port > 65535)
    throw Error(Exit::kUsage, "serve.rtc",
                "--rtc-port " + std::to_string(options.rtc_port) + " is no port",
                "give a number from 0 to 65535");
}

std::unique_ptr<whep::Service> watch(boost::asio::io_context& io, const Options& options,
                                     control::Service& service) {
  whep::Service::Options wanted;
  wanted.port.port = static_cast<uint16_t>(options.rtc_port);
  wanted.port.advertised = options.rtc_addresses;
  wanted.port.sessions = options.max_viewers;
  wanted.viewers = options.max_viewers;
  wanted.ice = ice_servers(options);
  using Event = whep::Viewer::Event;
  return std::make_unique<whep::Service>(
      io, std::move(wanted),
      [&service](const whep::Viewer& viewer, Event event, const std::string& reason) {
        control::Json fields{{"viewer", viewer.id()},
                             {"address", viewer.address()},
                             {"channel", viewer.layers().name()},
                             {"rung", rung_json(viewer.channel().rung())}};
        if (event == Event::kConnected) return service.emit("viewer.connected", fields);
        if (event == Event::kSlow) return service.emit("viewer.slow", fields);
        fields["reason"] = reason;
        if (event == Event::kMoved) {
          fields["before"] = rung_json(viewer.rung_before());
          return service.emit("viewer.moved", fields);
        }
        fields["seconds"] = viewer.seconds();
        fields["sent_bytes"] = viewer.sent_bytes();
        fields["resent_packets"] = viewer.resent_packets();
        fields["lost_packets"] = viewer.lost_packets();
        service.emit("viewer.ended", fields);
      });
}

control::Json watching_json(const whep::Service& viewers) {
  control::Json list = control::Json::array();
  for (const auto& one : viewers.watching())
    list.push_back(
        {{"channel", one.stream}, {"rung", rung_json(one.rung)}, {"viewers", one.viewers}});
  return list;
}

http::Admit admit(const whep::Service& viewers, const http::Request& request) {
  if (auto ours = viewers.admit(request)) return std::move(*ours);
  constexpr const char* kMethods = "GET, HEAD, OPTIONS";
  if (request.method == "OPTIONS") return {0, http::preflight(kMethods, "Range, Authorization")};
  return {0, http::method_refused(kMethods)};
}

}  // namespace stream::serve

#include "serve.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "base/url.h"
#include "cli/certificate.h"
#include "cli/run.h"
#include "control/service.h"
#include "guard.h"
#include "http/listen_address.h"
#include "http/server.h"
#include "keys/publish_token.h"
#include "net/passed_listeners.h"
#include "site.h"
#include "viewers.h"

namespace stream::serve {
namespace {

using control::Json;

constexpr char kTlsScheme[] = "https://";
constexpr auto kLastResponses = std::chrono::seconds(2);

http::ListenAddress address_of(const Options& options) {
  return http::listen_address(options.listen, http::Schemes::kHttpAndHttps);
}

std::unique_ptr<http::Server> listen(boost::asio::io_context& io, const Options& options,
                                     http::Handler handler) {
  http::Limits limits;
  limits.connections = options.max_connections;
  limits.per_address = options.max_per_address;
  limits.idle_time = std::chrono::duration_cast<std::chrono::milliseconds>(options.idle.value);
  net::PassedListeners passed(os::take_passed_sockets());
  if (auto one = passed.take({}, 0)) {
    passed.check_all_taken();
    return std::make_unique<http::Server>(io, std::move(one->fd), std::move(handler), limits);
  }
  const http::ListenAddress address = address_of(options);
  return std::make_unique<http::Server>(io, address.host, address.port, std::move(handler), limits);
}

Exit serve(const Options& options, const cli::Context& context, boost::asio::io_context& io,
           control::Service& service) {
  Site site(options.hls, options.player, options.whep, options.whip, options.group);
  std::optional<crypto::VerifyKey> key;
  if (!options.token_key.empty()) key = keys::read_public_key(options.token_key);
  Guard guard(options.hls, std::move(key));
  const auto now = [] { return std::chrono::floor<std::chrono::seconds>(wall_now()); };
  site.list_only([&](const http::Request& request) {
    return [&guard, viewer = guard.viewer_of(request, now())](const StreamEntry& stream) {
      return guard.listed(stream.name, stream.rights, viewer);
    };
  });
  std::optional<cli::Certificate> certificate;
  if (address_of(options).tls) certificate.emplace(io, service, options.tls);
  const auto viewers = options.whep ? watch(io, options, service) : nullptr;
  const auto server = listen(io, options, [&](const http::Request& request) {
    Guard::Verdict verdict = guard.judge(request, now());
    if (verdict.refusal) return std::move(*verdict.refusal);
    auto response = viewers ? viewers->respond(request) : std::nullopt;
    if (!response) response = site.respond(request);
    Guard::mark(verdict, *response);
    return std::move(*response);
  });
  if (certificate) server->secure(certificate->http_contexts());
  if (viewers)
    server->admit([&](const http::Request& request) { return admit(*viewers, request); });
  server->observe([&](const http::Request& request, unsigned status, uint64_t bytes,
                      std::chrono::nanoseconds time) {
    const double seconds = std::chrono::duration<double>(time).count();
    service.emit("request.served", {{"address", request.address},
                                    {"method", request.method},
                                    {"path", request.path},
                                    {"status", status},
                                    {"sent_bytes", bytes},
                                    {"seconds", seconds}});
    log::debug(request.address + " " + request.method + " " + request.path + " " +
               std::to_string(status) + " " + std::to_string(bytes));
  });
  const std::string url = (certificate ? "https://" : "http://") + server->address() + "/";
  service.status([&](const std::string&) {
    Json status{{"url", url},
                {"hls", options.hls.empty() ? Json(nullptr) : Json(options.hls)},
                {"connections", server->connections()},
                {"served_requests", server->served()},
                {"streams", site.stream_names()}};
    status["viewers"] = viewers ? Json(viewers->connected()) : Json(nullptr);
    status["watching"] = viewers ? watching_json(*viewers) : Json::array();
    return status;
  });
  boost::asio::steady_timer pulse(io), last(io);
  // After an error the loop turns once more, for the last answers: without what is here.
  const auto here = std::make_shared<bool>();
  const std::function<void(boost::system::error_code)> beat =
      [&, alive = std::weak_ptr(here)](boost::system::error_code error) {
        if (error || alive.expired()) return;
        service.alive();  // no media clock here: the loop turning is what viewers need
        pulse.expires_after(std::chrono::seconds(1));
        pulse.async_wait(beat);
      };
  beat({});
  service.on_stop([&] {
    server->close();
    if (viewers) viewers->stop();
    pulse.cancel();
    last.expires_after(kLastResponses);
    last.async_wait([&](boost::system::error_code) { io.stop(); });
    if (server->connections() == 0) io.stop();
  });
  service.emit("listener.started", {{"url", url}});
  const std::string text =
      "serving " + (options.hls.empty() ? "live streams" : options.hls) + " on " + url;
  service.ready(text);
  context.confirm(text);
  io.run();
  return Exit::kOk;
}

void check_served(const Options& options) {
  if (options.hls.empty() && !options.whep)
    throw Error(Exit::kUsage, "usage.missing",
                "nothing says what is served: neither --hls nor --whep is given",
                "say --hls DIR for HLS, --whep for live streams over WebRTC, or both");
}

// It goes into a page and its policy as it is.
void check_whip(const std::string& text) {
  const auto url = parse_url(text);
  const bool plain = url && (url->scheme == "http" || url->scheme == "https") &&
                     !url->host.empty() && url->user.empty() && url->query.empty() &&
                     url->path.size() <= 1 && text.find_first_of("'\"<>; ,") == text.npos;
  if (!text.empty() && !plain)
    throw Error(Exit::kUsage, "serve.whip",
                "'" + escaped(text, 100) + "' is no address of publishers",
                "write http://HOST:PORT or https://HOST as their browsers reach it");
}

}  // namespace

cli::Command command(Options& options) {
  cli::Command root("stream-serve", "serve HLS output and a player page over HTTP");
  root.description(
      "Serves the directories that stream-ladder writes: DIR/NAME/master.m3u8 and what it names "
      "appear under http://ADDRESS:PORT/NAME/ (or https://), with a page that plays the stream. "
      "The first page lists all streams. When DIR itself holds a master.m3u8, that stream is the "
      "first page.\n\n"
      "Only media files are served: no directory listings, nothing hidden, nothing that a symbolic "
      "link leads to outside DIR. Playlists are revalidated by their viewers on each request, "
      "segments may be kept for ever. Any web page may embed the streams (CORS).\n\n"
      "The page plays through hls.js where it is installed (--player FILE, "
      "PREFIX/share/stream-tools/hls.min.js, ./node_modules or Debian's node-hls.js), else with "
      "the "
      "browser's own HLS, else with a small player of its own for fragmented MP4.\n\n"
      "With --whep live streams (bus:NAME) are played over WebRTC as well, with a delay of a few "
      "hundred milliseconds: the page is NAME/live, other players POST their offer to NAME/whep "
      "(WHEP). Pictures are not encoded anew: H.264, VP8, VP9 and AV1 as far as the player takes "
      "them, without B-frames; sound that is not Opus is encoded once for all. When the rungs of "
      "the "
      "stream's ladder are on the bus (stream-ladder --bus --low-delay), viewers watch these: each "
      "begins with what 2 Mbit/s carry, and is moved to a smaller rung when packets get lost or "
      "its "
      "player says that its network is narrower, to a larger one after some calm; both are told by "
      "viewer.moved. That is the way, too, for a source with B-frames. The media of all "
      "players goes by one port, UDP or, where a network lets none pass, TCP; behind NAT and in "
      "containers say with --rtc-address where that is. Without --hls live streams are all there "
      "is.\n\n"
      "With --whip there is a page to publish from, NAME/publish: camera, microphone or screen of "
      "a browser, with the key typed in or behind the # of an invitation link "
      "(NAME/publish#key=KEY), which no server sees. Browsers give a camera to pages over https "
      "or from their own machine only.\n\n"
      "What stream-archive hides or makes private is not shown: the outputs that it was told of "
      "(set --hls), and in a directory that is an archive its recordings, NAME/recording/FILE. A "
      "viewer's token (stream-keys token viewer) opens what is hidden, and what is private when "
      "its "
      "user is allowed; --token-key checks it. It comes as \"Authorization: Bearer TOKEN\" or as "
      "?token=TOKEN behind the address of a page or a playlist, which then becomes a cookie. "
      "Without one the answer is 404 for what is hidden and 401 for what is private, and 403 for a "
      "token that does not do. A live stream of which DIR says nothing, or without --hls, is for "
      "those whom the section visibility of its stream file names (stream.yaml(5)).\n\n"
      "https://ADDRESS:PORT speaks TLS 1.2 and newer with the certificate of --cert and --key, and "
      "HTTP/1.1 in it. A new certificate counts for new connections as soon as its files are "
      "there; what is being watched goes on. A page over https may publish and play over https "
      "alone: give stream-ingest a certificate too (--listen whips://), or put one proxy in front "
      "of both. A listening socket passed by the service manager (LISTEN_FDS) replaces the address "
      "of --listen.");
  root.example("stream-serve --hls hls/", "Serve everything below hls/ to this machine");
  root.example("stream-serve --listen http://0.0.0.0:8080 --hls hls/ --events -",
               "Serve to everybody, with one line of JSON per request");
  root.example("stream-serve --hls hls/ --token-key viewers.json",
               "Private streams too, to viewers with a token");
  root.example(
      "stream-serve --listen https://0.0.0.0:443 --cert fullchain.pem --key privkey.pem --hls hls/",
      "Serve to everybody, encrypted");
  root.example("stream-serve --hls hls/ --whep", "Live streams over WebRTC too, at NAME/live");
  root.file("STATE/NAME/stream.json",
            "manifests, for --group and for who may watch NAME, see stream(7)");
  root.option("--hls", options.hls, "DIR",
              "directory whose subdirectories are streams; needed without --whep");
  root.option(
      "--listen", options.listen, "URL",
      "where to listen: http://ADDRESS:PORT or https://ADDRESS:PORT; port 0 takes a free one");
  options.tls.declare(root, kTlsScheme);
  root.option("--player", options.player, "FILE", "hls.js to use in the player page");
  root.option("--group", options.group, "NAME",
              "list the streams of this group (stream.yaml(5)) by their titles: live ones, those "
              "that come with their next session, and those that have ended");
  root.option("--token-key", options.token_key, "FILE",
              "let viewers with a token see what is not for everybody: the public key, as "
              "stream-keys token public-key prints it")
      .completes(cli::Completion::kFile);
  root.section("WebRTC");
  root.flag("--whep", options.whep,
            "play live streams of this machine over WebRTC too: players POST to NAME/whep");
  root.option("--whip", options.whip, "URL",
              "http:// or https:// address where publishers' browsers reach stream-ingest's "
              "--listen whip:// or whips://: NAME/publish is then a page to publish NAME from")
      .url();
  root.option("--rtc-port", options.rtc_port, "N",
              "port, UDP and TCP, for the media of all players; 0: any");
  root.option("--rtc-address", options.rtc_addresses, "ADDRESS",
              "tell players to receive from there, as ADDRESS or ADDRESS:PORT, instead of from all "
              "the addresses that this machine knows of itself; repeat for each");
  options.ice.declare(root, "players");
  root.option("--max-viewers", options.max_viewers, "N", "players at one time");
  root.section("Limits");
  root.option("--max-connections", options.max_connections, "N", "connections at one time");
  root.option("--max-per-address", options.max_per_address, "N", "of them from one address");
  root.option("--idle-timeout", options.idle, "TIME", "how long a silent connection is kept");
  root.section("Service");
  options.service.declare(root);
  root.file("DIR/NAME/rights.json", "who may see the stream, stream.rights/1");
  root.check([&] {
    options.tls.check(address_of(options).tls, "serve.certificate", kTlsScheme,
                      "https://ADDRESS:PORT");
    check_served(options);
    check_whip(options.whip);
    if (!options.group.empty()) check_stream_name(options.group);
    check_rtc(options);
  });
  root.run([&](cli::Context& context) {
    boost::asio::io_context io(1);
    control::Service service(options.service.service(context.tool()), io);
    return service.run([&] { return serve(options, context, io, service); });
  });
  return root;
}

}  // namespace stream::serve

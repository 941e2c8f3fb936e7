#include "run_source.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <exception>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "base/url.h"
#include "cli/secret_source.h"
#include "ingest/playlist_source.h"
#include "ingest/srt_source.h"
#include "listen.h"
#include "live_stream.h"
#include "playlist_file.h"
#include "srt/address.h"

namespace stream::ingest {
namespace {

using namespace std::chrono_literals;

constexpr Nanoseconds kSilence = 10s;  // of a network source, until it counts as broken off

Rational rate_of(double fps) {
  if (fps == static_cast<double>(static_cast<int64_t>(fps))) return {static_cast<int64_t>(fps), 1};
  const auto whole = static_cast<int64_t>(fps + 0.5);
  if (std::abs(fps - static_cast<double>(whole) * 1000 / 1001) < 0.01) return {whole * 1000, 1001};
  return {static_cast<int64_t>(fps * 1000 + 0.5), 1000};
}

media::OpenSource pattern(const Options& options) {
  media::TestPatternOptions o;
  o.width = options.size.width;
  o.height = options.size.height;
  o.rate = rate_of(options.rate);
  o.bit_rate = options.bit_rate.bps;
  if (options.duration) o.duration = options.duration->value;
  return media::pattern_source(o);
}

media::OpenSource call_srt(const std::string& text, const av::InputOptions& options) {
  const srt::Address address = srt::parse_address(text);
  media::SrtCall call;
  call.host = address.host;
  call.port = address.port;
  call.shown = "srt://" + parse_url(text)->authority();
  if (call.host.empty())
    throw Error(Exit::kUsage, "srt.url", "nobody can be called at " + call.shown + ": no host",
                "write srt://HOST:PORT; to take publishers, --listen " + call.shown);
  call.settings = srt::settings_of(address, cli::secret_of);
  call.silence = options.timeout;
  call.may_connect = options.may_connect;
  return media::srt_source(std::move(call));
}

}  // namespace

bool keeps_its_own_pace(const std::string& url) {
  const auto parsed = parse_url(url);
  return parsed && (parsed->scheme == "rtsp" || parsed->scheme == "rtsps" ||
                    parsed->scheme == "rtp" || parsed->scheme == "udp");
}

media::OpenSource open_url(const std::string& url, const Options& options) {
  av::InputOptions o;
  o.timeout = kSilence;
  apply_rules(url, options.pull_allow, o);
  // libavformat's SRT is another library's thread, and asks nobody where it may go.
  if (url.starts_with("srt://")) return call_srt(url, o);
  return media::pull_source(url, o);
}

namespace {

// Its events come from the source's thread.
media::OpenSource playlist(const Options& o, boost::asio::io_context& io,
                           control::Service& service) {
  media::Playlist list;
  list.loop = o.loop;
  list.files = [&o] {
    return o.playlist.empty() ? std::vector{o.pull} : read_playlist(o.playlist);
  };
  const auto tell = [&io, &service, name = o.single_name()](const char* event,
                                                            control::Json fields) {
    boost::asio::post(io, [&service, name, event, fields = std::move(fields)] {
      service.events().emit(event, name, fields);
    });
  };
  list.begins = [tell](const std::string& file) { tell("playlist.item", {{"file", file}}); };
  list.left_out = [tell](const std::string& file, const std::string& reason) {
    log::warning(escaped(file) + " is left out: " + reason);
    tell("playlist.left_out", {{"file", file}, {"reason", reason}});
  };
  return media::playlist_source(std::move(list));
}

media::OpenSource source_of(const Options& o, boost::asio::io_context& io,
                            control::Service& service) {
  if (o.test_pattern) return pattern(o);
  if (!o.playlist.empty() || o.loop) return playlist(o, io, service);
  return open_url(o.pull, o);
}

}  // namespace

int run_source(const Options& options, cli::Context&) {
  boost::asio::io_context io{1};
  control::Service service(options.service.service("ingest", options.single_name()), io);
  std::shared_ptr<LiveStream> stream;
  const auto work = boost::asio::make_work_guard(io);
  int output_error = 0;
  const int code = service.run([&] {
    stream = std::make_shared<LiveStream>(io, service, options, options.single_name(), false,
                                          [&](const std::string& reason) {
                                            output_error = stream->output_error();
                                            service.stop(reason);
                                            boost::asio::post(io, [&] { io.stop(); });
                                          });
    service.status([&](const std::string&) { return stream->status(); });
    service.verb("ingest.switch", [&](const control::Json& parameters, const std::string&) {
      return stream->switch_verb(parameters);
    });
    service.on_stop([&] { stream->end("stream-ingest stops"); });
    media::SourceThread::Options o;
    o.realtime = (options.realtime || options.to_bus()) && !keeps_its_own_pace(options.pull);
    if (options.duration) o.duration = options.duration->value;
    if (!options.test_pattern && options.playlist.empty()) o.patience = options.hold.value;
    stream->on_begin([&] { service.ready(options.test_pattern ? "test pattern" : "pulling"); });
    stream->pull(0, source_of(options, io, service), o, options.test_pattern ? "test" : "pull");
    io.run();
    const std::exception_ptr failure = stream->failure();
    stream.reset();
    if (failure && !output_error) std::rethrow_exception(failure);
    return Exit::kOk;
  });
  return outcome(code, output_error);
}

}  // namespace stream::ingest

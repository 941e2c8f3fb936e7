#include "run_source.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <exception>

#include "listen.h"
#include "live_stream.h"

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

}  // namespace

media::OpenSource open_url(const std::string& url, const Options& options) {
  av::InputOptions o;
  o.timeout = kSilence;
  apply_rules(url, options.pull_allow, o);
  return media::pull_source(url, o);
}

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
    o.realtime = options.realtime || options.to_bus();
    if (options.duration) o.duration = options.duration->value;
    if (!options.test_pattern) o.patience = options.hold.value;
    stream->on_begin([&] { service.ready(options.test_pattern ? "test pattern" : "pulling"); });
    stream->pull(0, options.test_pattern ? pattern(options) : open_url(options.pull, options), o,
                 options.test_pattern ? "test" : "pull");
    io.run();
    const std::exception_ptr failure = stream->failure();
    stream.reset();
    if (failure && !output_error) std::rethrow_exception(failure);
    return Exit::kOk;
  });
  return outcome(code, output_error);
}

}  // namespace stream::ingest

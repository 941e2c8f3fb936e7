// metrics: Prometheus text of what runs here, printed once or served to a scraper.
#include "observe/metrics.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "base/text.h"
#include "base/time.h"
#include "base/units.h"
#include "cli/run.h"
#include "cli/version.h"
#include "control/service.h"
#include "http/listen_address.h"
#include "http/server.h"
#include "observe.h"

namespace stream::ctl {
namespace {

using Json = nlohmann::json;

constexpr auto kLastResponses = std::chrono::seconds(2);

struct MetricsOptions {
  std::string name, listen;
  Duration interval{std::chrono::seconds(5)};
};

// What is not as it should be, a line each; empty: all programs answer and are ready.
std::string unready(const std::vector<observe::Answer>& answers, const std::string& name) {
  std::string out;
  bool live = false;
  for (const observe::Answer& answer : answers) {
    const std::string who = answer.stream + " stream-" + answer.tool + ": ";
    if (!answer.up())
      out += who + escaped(answer.error, 200) + "\n";
    else if (const auto state = answer.status.find("state");
             state == answer.status.end() || *state != "running")
      out += who + "not running\n";
    if (answer.tool == "ingest" && answer.up()) {
      const auto flows = answer.status.find("live");
      live |= flows != answer.status.end() && *flows == true;
    }
  }
  if (!name.empty() && !live) out += name + ": no media flows\n";
  return out;
}

// Gathers again and again on a thread of its own: who scrapes or probes waits for no program.
class Gatherer {
 public:
  Gatherer(std::string name, Nanoseconds interval, std::function<void()> gathered)
      : name_(std::move(name)), interval_(interval), gathered_(std::move(gathered)) {
    thread_ = std::thread([this] { run(); });
  }
  ~Gatherer() {
    {
      std::lock_guard lock(mutex_);
      ending_ = true;
    }
    end_.notify_all();
    thread_.join();
  }

  struct State {
    std::string text, unready = "not asked yet\n";
  };
  State state() const {
    std::lock_guard lock(mutex_);
    return state_;
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (!ending_) {
      lock.unlock();
      const auto answers =
          name_.empty() ? observe::gather() : observe::gather(std::optional<std::string>(name_));
      State next{observe::metrics_text(observe::samples_of(answers, cli::version_number())),
                 unready(answers, name_)};
      lock.lock();
      state_ = std::move(next);
      gathered_();
      end_.wait_for(lock, interval_, [this] { return ending_; });
    }
  }

  const std::string name_;
  const Nanoseconds interval_;
  const std::function<void()> gathered_;
  mutable std::mutex mutex_;
  std::condition_variable end_;
  bool ending_ = false;
  State state_;
  std::thread thread_;
};

http::Response respond(const http::Request& request, const Gatherer& gatherer) {
  if (request.path == "/livez") return http::text_response(200, "ok");
  const Gatherer::State state = gatherer.state();
  if (request.path == "/readyz")
    return state.unready.empty() ? http::text_response(200, "ok")
                                 : http::text_response(503, state.unready);
  if (request.path != "/metrics")
    return http::text_response(404, "there are /metrics, /livez and /readyz");
  if (state.text.empty()) return http::text_response(503, state.unready);
  http::Response response;
  response.type = "text/plain; version=0.0.4; charset=utf-8";
  response.headers = {{"Cache-Control", "no-store"}};
  response.body = state.text;
  return response;
}

Exit listen(const MetricsOptions& options, const cli::Context& context, boost::asio::io_context& io,
            control::Service& service) {
  const http::ListenAddress address = http::listen_address(options.listen);
  Gatherer gatherer(options.name, options.interval.value, [&service] { service.alive(); });
  http::Server server(io, address.host, address.port,
                      [&](const http::Request& request) { return respond(request, gatherer); });
  boost::asio::steady_timer last(io);
  service.on_stop([&] {
    server.close();
    if (server.connections() == 0) return io.stop();
    last.expires_after(kLastResponses);
    last.async_wait([&](boost::system::error_code) { io.stop(); });
  });
  const std::string url = "http://" + server.address() + "/metrics";
  service.ready("metrics on " + url);
  context.confirm("metrics on " + url);
  io.run();
  return Exit::kOk;
}

Json samples_json(const observe::Samples& samples) {
  Json list = Json::array();
  for (const observe::Sample& sample : samples.all()) {
    Json labels = Json::object();
    for (const auto& [name, value] : sample.labels) labels[std::string(name)] = value;
    list.push_back({{"name", sample.family->name},
                    {"type", observe::to_text(sample.family->type)},
                    {"labels", labels},
                    {"value", sample.value}});
  }
  return {{"schema", "stream.ctl.metrics/1"}, {"samples", list}, {"left_out", samples.left_out()}};
}

int metrics(const MetricsOptions& options, const cli::Context& context) {
  if (!options.name.empty()) check_stream_name(options.name);
  if (options.listen.empty()) {
    const auto samples = observe::samples_of(gather_named(options.name), cli::version_number());
    if (context.json())
      context.print_json(samples_json(samples));
    else
      context.print(observe::metrics_text(samples));
    return 0;
  }
  boost::asio::io_context io(1);
  control::Service service({"ctl", "", ""}, io);
  return service.run([&] { return listen(options, context, io, service); });
}

}  // namespace

cli::Command metrics_command() {
  const auto options = std::make_shared<MetricsOptions>();
  cli::Command verb("metrics", "print or serve Prometheus metrics of what runs here");
  verb.description(
      "Asks all programs of this user, or those of one stream, for their status, all at once, and "
      "prints it as Prometheus text: states, rates, queues, drops, processor time and memory. A "
      "program that does not answer within a second is told as down and holds the others up no "
      "longer than that. The labels are the names of streams, programs, renditions, destinations, "
      "inputs and channels (the streams that viewers watch), never an address or a key; what "
      "exceeds 256 names in a list is left out and counted.\n\n"
      "With --listen it serves /metrics, /livez, which answers as long as this program turns, and "
      "/readyz: 503 with the reasons while a program does not answer or is not ready, or when "
      "NAME was given and no media flows. Programs are asked every --interval, not by each "
      "scrape.");
  verb.example("stream-ctl metrics --listen http://127.0.0.1:9100", "Serve them to a Prometheus");
  verb.positional("NAME", options->name, "the stream; all of them when it is left out")
      .optional()
      .completes(cli::Completion::kStream);
  verb.option("--listen", options->listen, "URL", "serve them there; port 0 takes a free one");
  verb.option("--interval", options->interval, "TIME", "how often programs are asked");
  verb.check([options] {
    if (!options->listen.empty()) http::listen_address(options->listen);
    if (options->interval.value < std::chrono::milliseconds(100))
      throw Error(Exit::kUsage, "usage.value", "--interval is shorter than 100ms",
                  "for example --interval 5s");
  });
  verb.run([options](cli::Context& context) { return metrics(*options, context); });
  return verb;
}

}  // namespace stream::ctl

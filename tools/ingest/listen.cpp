#include "listen.h"

#include <algorithm>
#include <map>

#include "admission.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "base/url.h"
#include "cli/certificate.h"
#include "descriptors.h"
#include "endpoints.h"
#include "ingest/rtmp_server.h"
#include "listen_port.h"
#include "live_stream.h"
#include "net/passed_listeners.h"
#include "run_source.h"
#include "srt_listen.h"
#include "whip_listen.h"

namespace stream::ingest {
namespace {

using control::Json;
using namespace std::chrono_literals;

class Listener final : Streams {
 public:
  explicit Listener(const Options& options)
      : options_(options),
        single_(options.single_name()),
        service_(options.service.service("ingest", single_), io_),
        admission_(io_, service_, options_, *this) {}
  int run();

 private:
  void start();
  std::unique_ptr<media::PublisherServer> listen_rtmp(Url url, const std::string& address);
  std::unique_ptr<media::PublisherServer> listen_srt(const std::string& address);
  std::unique_ptr<media::PublisherServer> listen_whip(const Url& url, const std::string& address);
  const cli::Certificate& certificate();
  std::shared_ptr<LiveStream> find(const std::string& name) const override;
  std::shared_ptr<LiveStream> make(const std::string& name) override;
  void each(const std::function<void(LiveStream&)>& visit) override;
  void pull_inputs(LiveStream& stream);
  void stream_ended(const std::string& name, LiveStream* stream, const std::string& reason);
  void stop();
  void stop_when_idle();
  Json status(const std::string& name) const;
  Json stop_verb(const std::string& name);

  const Options& options_;
  const std::string single_;
  boost::asio::io_context io_{1};
  net::PassedListeners passed_{os::take_passed_sockets()};
  control::Service service_;
  Admission admission_;
  std::map<std::string, std::shared_ptr<LiveStream>> streams_;
  std::vector<std::shared_ptr<LiveStream>> ending_;  // their readers still take what is queued
  size_t descriptors_ = 0;                           // for connections
  std::optional<cli::Certificate> certificate_;
  std::optional<srt::Engine> srt_;
  std::shared_ptr<webrtc::Port> rtc_;
  std::vector<std::unique_ptr<media::PublisherServer>> servers_;
  std::vector<std::string> urls_;
  int output_error_ = 0;
};

std::unique_ptr<media::PublisherServer> Listener::listen_rtmp(Url url, const std::string& address) {
  media::RtmpServer::Options o;
  if (url.scheme == "rtmps") o.tls = certificate().contexts();
  o.host = url.host;
  o.port = listen_port(address);
  o.listener = passed_.take(o.host, o.port);
  o.app = url.path.size() > 1 ? url.path.substr(1) : "";
  while (o.app.ends_with('/')) o.app.pop_back();
  o.limits.admission = options_.admission.value;
  o.limits.idle = options_.idle.value;
  o.limits.connections = std::min<size_t>(options_.max_connections, descriptors_);
  o.limits.waiting = std::min<size_t>(options_.max_waiting, std::max<size_t>(descriptors_ / 2, 4));
  o.limits.waiting_per_address = options_.max_waiting_per_address;
  o.limits.memory = options_.waiting_memory.bytes;
  const std::string path = o.app.empty() ? "" : "/" + o.app;
  auto server = std::make_unique<media::RtmpServer>(io_, std::move(o), admission_.hooks());
  url.port = server->port();
  urls_.push_back(url.scheme + "://" + url.authority() + path);
  return server;
}

std::unique_ptr<media::PublisherServer> Listener::listen_srt(const std::string& address) {
  if (!srt_) srt_.emplace(io_);
  urls_.push_back(shown_srt(address));
  return ingest::listen_srt(io_, *srt_, options_, address, descriptors_, admission_.hooks());
}

std::unique_ptr<media::PublisherServer> Listener::listen_whip(const Url& url,
                                                              const std::string& address) {
  if (!rtc_) rtc_ = open_rtc_port(io_, options_);
  const auto tls = url.scheme == "whips" ? certificate().http_contexts() : nullptr;
  auto server =
      ingest::listen_whip(io_, rtc_, options_, address, descriptors_, tls, admission_.hooks());
  urls_.push_back(url.scheme + "://" + server->address());
  return server;
}

// All listeners show the same one.
const cli::Certificate& Listener::certificate() {
  if (!certificate_) certificate_.emplace(io_, service_, options_.tls);
  return *certificate_;
}

void Listener::start() {
  descriptors_ = connections_for_descriptors();
  admission_.start();
  // What this output comes to is known before anybody is let in.
  if (!options_.to_bus() || !options_.inputs.empty()) make(single_);
  std::string all;
  for (const std::string& text : options_.listen) {
    const Url url = *parse_url(text);
    servers_.push_back(url.scheme.starts_with("srt")    ? listen_srt(text)
                       : url.scheme.starts_with("whip") ? listen_whip(url, text)
                                                        : listen_rtmp(url, text));
    all += (all.empty() ? "" : " and ") + urls_.back();
  }
  passed_.check_all_taken();
  for (const std::string& url : urls_)
    service_.events().emit("listener.started", single_, {{"url", url}});
  service_.status([this](const std::string& name) { return status(name); });
  service_.verb("stop", [this](const Json&, const std::string& name) { return stop_verb(name); });
  service_.verb("ingest.switch", [this](const Json& parameters, const std::string& name) {
    const auto it = streams_.find(name);
    if (it == streams_.end())
      throw Error(Exit::kNotRunning, "stream.absent", "stream '" + name + "' is not live");
    return it->second->switch_verb(parameters);
  });
  service_.on_stop([this] { stop(); });
  const std::string text = all.empty() ? "pulling" : "listening on " + all;
  service_.ready(text);
  log::info(text);
}

int Listener::run() {
  const int code = service_.run([this] {
    start();
    io_.run();
    return Exit::kOk;
  });
  return outcome(code, output_error_);
}

std::shared_ptr<LiveStream> Listener::make(const std::string& name) {
  auto slot = std::make_shared<LiveStream*>(nullptr);
  auto stream = std::make_shared<LiveStream>(
      io_, service_, options_, name, true,
      [this, name, slot](const std::string& reason) { stream_ended(name, *slot, reason); });
  *slot = stream.get();
  stream->on_finish([this, name] {
    // From here on an encoder that comes back starts a stream of its own.
    const auto it = streams_.find(name);
    if (it == streams_.end()) return;
    ending_.push_back(it->second);
    streams_.erase(it);
    if (name != single_) service_.detach(name);
    // Its inputs may come back when its readers were let go.
    if (!options_.inputs.empty() && options_.to_bus() && !service_.stopping())
      boost::asio::post(io_, [this] {
        if (!service_.stopping() && !streams_.contains(single_)) make(single_);
      });
  });
  streams_[name] = stream;
  pull_inputs(*stream);
  return stream;
}

void Listener::pull_inputs(LiveStream& stream) {
  for (size_t i = 0; i < options_.inputs.size(); ++i) {
    const InputSpec& input = options_.inputs[i];
    if (input.publishers) continue;
    media::SourceThread::Options o;
    const std::string url = input.url();
    o.persistent = true;
    o.realtime = !keeps_its_own_pace(url);
    stream.pull(i, open_url(url, options_), o);
  }
}

void Listener::stream_ended(const std::string& name, LiveStream* stream,
                            const std::string& reason) {
  if (stream->output_error()) output_error_ = stream->output_error();
  // Not at once: the stream is on the stack.
  boost::asio::post(io_, [this, stream] {
    std::erase_if(ending_, [&](const auto& s) { return s.get() == stream; });
    stop_when_idle();
  });
  log::info("stream " + name + " has ended: " + escaped(reason));
  if (!options_.to_bus()) service_.stop(reason);
}

std::shared_ptr<LiveStream> Listener::find(const std::string& name) const {
  const auto it = streams_.find(name);
  return it == streams_.end() ? nullptr : it->second;
}

void Listener::each(const std::function<void(LiveStream&)>& visit) {
  for (const auto& [name, stream] : std::map(streams_)) visit(*stream);
}

void Listener::stop() {
  for (const auto& server : servers_) server->stop();
  const auto streams = streams_;
  for (const auto& [name, stream] : streams) stream->end("stream-ingest stops");
  const auto ending = ending_;
  for (const auto& stream : ending) stream->end("stream-ingest stops");
  stop_when_idle();
}

// The farewells of the connections have half a second, too.
void Listener::stop_when_idle() {
  if (!service_.stopping() || !streams_.empty() || !ending_.empty()) return;
  const auto timer = std::make_shared<boost::asio::steady_timer>(io_, 100ms);
  timer->async_wait([this, timer](boost::system::error_code) { io_.stop(); });
}

Json Listener::status(const std::string& name) const {
  media::PublisherServer::Counts sum;
  for (const auto& server : servers_) {
    const auto counts = server->counts();
    sum.waiting += counts.waiting;
    sum.publishing += counts.publishing;
    sum.accepted += counts.accepted;
    sum.evicted += counts.evicted;
  }
  Json result{{"listen", urls_.empty() ? Json(nullptr) : Json(urls_.front())},
              {"listeners", urls_},
              {"endpoints", endpoints_json(options_, urls_, name)},
              {"connections",
               {{"waiting", sum.waiting},
                {"publishing", sum.publishing},
                {"accepted", sum.accepted},
                {"evicted", sum.evicted}}}};
  if (const auto it = streams_.find(name); it != streams_.end())
    result.update(it->second->status());
  else
    result.update(Json{{"live", false}, {"publisher", nullptr}});
  return result;
}

// One of several streams is ended alone.
Json Listener::stop_verb(const std::string& name) {
  const auto it = streams_.find(name);
  if (name == single_ || it == streams_.end()) {
    service_.stop("asked by the control socket");
  } else {
    const auto stream = it->second;
    boost::asio::post(io_, [stream] { stream->end("stopped by the operator"); });
  }
  return {{"stopping", true}};
}

}  // namespace

int listen(const Options& options, cli::Context&) {
  return Listener(options).run();
}

}  // namespace stream::ingest

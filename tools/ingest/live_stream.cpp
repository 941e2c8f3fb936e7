#include "live_stream.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "live_json.h"

namespace stream::ingest {
namespace {

using control::Json;
using media::PublisherEnd;
using namespace std::chrono_literals;

// For readers of the bus to take what is queued, and for all outputs when the program is to stop. A
// pipe or a file is otherwise waited for.
constexpr auto kDrain = 15s, kDrainOnStop = 4s;
constexpr auto kDrainPoll = 20ms;
constexpr auto kPipeTracksWait = 5s;  // a pipe cannot be given another track later

// One thread for all streams of the process, so that what it takes has one bound. The io context
// keeps it.
struct SharedSampler : boost::asio::execution_context::service {
  static inline boost::asio::execution_context::id id;
  explicit SharedSampler(boost::asio::execution_context& context)
      : boost::asio::execution_context::service(context),
        sampler(std::in_place, static_cast<boost::asio::io_context&>(context)) {}
  void shutdown() override { sampler.reset(); }
  std::optional<media::Sampler> sampler;
};

media::Sampler& shared_sampler(boost::asio::io_context& io) {
  auto& context = static_cast<boost::asio::execution_context&>(io);
  return boost::asio::use_service<SharedSampler>(context).sampler.value();
}

// Numbers of publications are unique in the process.
uint64_t next_session() {
  static uint64_t last = 0;
  return ++last;
}

}  // namespace

// Joins a connection to the stream for the time of one publication.
class LiveStream::Receiver : public media::PublisherReceiver {
 public:
  Receiver(std::shared_ptr<LiveStream> stream, size_t input, media::PublicationOptions options)
      : stream_(std::move(stream)),
        input_(input),
        publication_(stream_->hub(input), stream_->timeline(input), std::move(options)) {}

  media::Publication& publication() { return publication_; }

  std::optional<std::string> media(rtmp::Media media, Nanoseconds now) override {
    return taken(publication_.take(std::move(media), now));
  }
  std::optional<std::string> media(rtmp::Media media, int64_t dts, Nanoseconds now) override {
    return taken(publication_.take(std::move(media), dts, now));
  }
  void metadata(const rtmp::Metadata& metadata) override { publication_.metadata(metadata); }
  void notice(const std::string& text) override { stream_->notice(input_, text); }
  void tick(Nanoseconds now) override { publication_.tick(now); }
  bool full() const override { return stream_->hub_.congested(); }
  // Of one input nobody but the bus's readers takes anything, and they come later.
  bool awaited() const override {
    return stream_->switcher_ || !stream_->bus_ || !stream_->bus_->drained();
  }
  void closed(PublisherEnd end, const std::string& reason) override {
    publication_.finish();
    stream_->lost(input_, end, reason);
  }

 private:
  std::optional<std::string> taken(std::optional<std::string> refusal) {
    if (!stream_->publishers_[input_]->announced) stream_->tell_tracks(input_);
    stream_->service_.alive();
    return refusal;
  }

  std::shared_ptr<LiveStream> stream_;
  size_t input_;
  media::Publication publication_;
};

LiveStream::LiveStream(boost::asio::io_context& io, control::Service& service,
                       const Options& options, std::string name, bool live, Ended ended)
    : io_(io),
      service_(service),
      name_(std::move(name)),
      hold_(options.hold.value),
      codecs_(options.codecs),
      ended_(std::move(ended)),
      hold_timer_(io),
      drain_timer_(io),
      meter_timer_(io) {
  open_inputs(options);
  hub_.on_packet([this](const av::Packet& packet) {
    if (packet.mark) tell_mark(packet);
    if (checks_) checks_->packet(packet);
  });
  open_output(options, live);
  if (options.checks != "none")
    checks_.emplace(io_, service_, name_, hub_,
                    options.checks == "all" ? &shared_sampler(io_) : nullptr);
  if (!name_.empty()) service_.attach(name_);
}

LiveStream::~LiveStream() = default;

void LiveStream::open_inputs(const Options& options) {
  publishers_.resize(std::max<size_t>(1, options.inputs.size()));
  pulls_.resize(publishers_.size());
  const media::SlateSource slate = options.slate_source();
  outlives_ = options.inputs.size() > 1 || !slate.empty();
  if (options.inputs.empty() && slate.empty()) return;
  media::Switcher::Options o;
  o.stall = options.stall.value;
  o.slate = !slate.empty();
  switcher_.emplace(hub_, timeline_, o, [this](const auto& change) { tell_switch(change); });
  if (options.inputs.empty()) {
    switcher_->add("primary");
    input_texts_.push_back("the source");
  }
  for (const InputSpec& input : options.inputs) {
    switcher_->add(input.name);
    input_texts_.push_back(input.shown());
  }
  driver_.emplace(io_, *switcher_, slate, [this](const std::string& text) {
    log::warning("stream " + name_ + ": " + escaped(text));
  });
}

void LiveStream::tell_switch(const media::Switcher::Switch& change) {
  service_.events().emit("input.switched", name_,
                         {{"input", change.to},
                          {"before", or_null(change.from)},
                          {"reason", change.reason},
                          {"gap_seconds", seconds(change.gap)}});
  if (checks_) checks_->pause(change.to == media::Switcher::kSlateName);
  log::info("stream " + name_ + ": " + change.to + " is on air: " + escaped(change.reason));
}

// A session ends for all tracks at once, a jump for each by itself.
void LiveStream::tell_mark(const av::Packet& packet) {
  const av::Mark& mark = *packet.mark;
  const bool session = !mark.session.empty();
  if (mark.discontinuity && (!session || mark.session != told_session_))
    service_.events().emit("media.discontinuity", name_,
                           {{"track", session ? Json(nullptr) : Json(packet.track)},
                            {"reason", session ? "session" : "jump"},
                            {"gap_seconds", nullptr}});
  if (session) told_session_ = mark.session;
  if (mark.extradata.empty()) return;
  Json json = track_json(packet.track, hub_.tracks()[static_cast<size_t>(packet.track)]);
  json["session"] = sessions_;
  service_.events().emit("track.changed", name_, std::move(json));
}

void LiveStream::open_output(const Options& options, bool live) {
  if (options.to_bus()) {
    bus_.emplace(io_, hub_, name_, [this](media::BusServer::ReaderEvent event, const auto& reader) {
      service_.events().emit(media::event_name(event), name_,
                             {{"rung", nullptr},
                              {"reader", reader.number},
                              {"reason", nullptr},
                              {"dropped_packets", reader.dropped_packets},
                              {"sent_bytes", reader.sent_bytes}});
    });
    return;
  }
  const std::string& path = options.output.output;
  os::Fd fd(path == "-" ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
                        : ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd) throw_errno("write", path, errno);
  output_done_ = false;
  output_.emplace(io_, hub_, std::move(fd), options.output.format, options.slow_policy(live),
                  [this](int error, const std::string& text) {
                    output_done_ = true;
                    output_error_ = error;
                    output_error_text_ = text;
                    if (error) end("the output failed: " + text);
                  });
}

std::unique_ptr<media::PublisherReceiver> LiveStream::publish(const media::PublishAttempt& attempt,
                                                              const std::string& credential,
                                                              size_t input) {
  uint64_t replaces = 0;
  if (publishers_[input]) {
    replaces = publishers_[input]->session;
    const auto old = publishers_[input]->connection.lock();
    if (old) old->end(PublisherEnd::kReplaced, "replaced by a newer connection with the same key");
  }
  Publisher publisher;
  publisher.address = attempt.address;
  publisher.protocol = attempt.protocol;
  publisher.encoder = attempt.encoder;
  publisher.credential = credential;
  publisher.connection = attempt.connection;
  begin_session(input, std::move(publisher), replaces);

  media::PublicationOptions options;
  options.session = std::to_string(publishers_[input]->session);
  options.codecs = codecs_;
  options.late_tracks = bus_.has_value();
  if (!bus_) options.announce_wait = kPipeTracksWait;
  options.clock = attempt.clock;
  options.notice = [this, input](const std::string& text) { notice(input, text); };
  auto receiver = std::make_unique<Receiver>(shared_from_this(), input, std::move(options));
  publishers_[input]->publication = &receiver->publication();
  return receiver;
}

void LiveStream::notice(size_t input, const std::string& text) {
  log::warning("stream " + (name_.empty() ? "-" : name_) + ": " + escaped(text));
  const auto& publisher = publishers_[input];
  service_.events().emit(
      "publisher.notice", name_,
      {{"session", publisher ? Json(publisher->session) : Json(nullptr)}, {"detail", text}});
}

uint64_t LiveStream::begin(const std::string& protocol, size_t input) {
  Publisher publisher;
  publisher.protocol = protocol;
  begin_session(input, std::move(publisher), 0);
  return publishers_[input]->session;
}

void LiveStream::pull(size_t input, media::OpenSource open, media::SourceThread::Options options,
                      const std::string& protocol) {
  media::SourceThread::Hooks hooks;
  hooks.begun = [this, input, protocol] {
    const uint64_t session = begin(protocol, input);
    if (on_begin_) on_begin_();
    return std::to_string(session);
  };
  hooks.packet = [this, input] {
    service_.alive();
    if (publishers_[input] && !publishers_[input]->announced && hub(input).announced())
      tell_tracks(input);
  };
  hooks.lost = [this, input](const std::string& reason, Nanoseconds retry) {
    if (driver_)
      service_.events().emit("input.down", name_,
                             {{"input", switcher_->inputs()[input].name},
                              {"reason", reason},
                              {"retry_seconds", seconds(retry)}});
    else
      log::warning((name_.empty() ? "" : "stream " + name_ + ": ") + escaped(reason) +
                   "; tried again in " +
                   to_text(Duration{std::chrono::ceil<std::chrono::milliseconds>(retry)}));
    lost(input, PublisherEnd::kLost, reason);
  };
  hooks.ended = [this, input](std::exception_ptr failure) {
    std::string reason = "the source has ended";
    try {
      if (failure) std::rethrow_exception(failure);
    } catch (const std::exception& error) {
      reason = error.what();
    }
    failure_ = failure;
    lost(input, PublisherEnd::kLost, reason);
    finish(reason);
  };
  pulls_[input] = std::make_unique<media::SourceThread>(io_, hub(input), timeline(input), hub_,
                                                        std::move(open), options, std::move(hooks));
}

void LiveStream::begin_session(size_t input, Publisher publisher, uint64_t replaces) {
  hold_timer_.cancel();
  publisher.session = next_session();
  publisher.since = monotonic_now();
  publishers_[input] = std::move(publisher);
  ++sessions_;
  const Publisher& p = *publishers_[input];
  service_.events().emit("publisher.connected", name_,
                         {{"session", p.session},
                          {"address", or_null(p.address)},
                          {"protocol", p.protocol},
                          {"encoder", or_null(p.encoder)},
                          {"replaces", replaces ? Json(replaces) : Json(nullptr)}});
  if (switcher_)
    service_.events().emit("input.up", name_, {{"input", switcher_->inputs()[input].name}});
  meter();
}

void LiveStream::tell_tracks(size_t input) {
  Publisher& publisher = *publishers_[input];
  if (publisher.publication && publisher.publication->media_packets() == 0) return;
  publisher.announced = true;
  int number = 0;
  for (const av::Track& track : hub(input).tracks()) {
    Json json = track_json(number++, track);
    json["session"] = publisher.session;
    service_.events().emit("track.added", name_, std::move(json));
  }
}

void LiveStream::lost(size_t input, PublisherEnd end, const std::string& reason) {
  if (!publishers_[input]) return;
  const Publisher publisher = *std::exchange(publishers_[input], std::nullopt);
  const auto connection = publisher.connection.lock();
  service_.events().emit("publisher.disconnected", name_,
                         {{"session", publisher.session},
                          {"address", or_null(publisher.address)},
                          {"reason", reason},
                          {"seconds", seconds(monotonic_now() - publisher.since)},
                          {"received_bytes", connection ? connection->received_bytes() : 0}});
  if (!publisher.address.empty())
    log::info("stream " + name_ + ": the publisher " + publisher.address +
              " is gone: " + escaped(reason));
  if (end == PublisherEnd::kReplaced || finishing_) return;
  if (switcher_) switcher_->gone(input, reason);
  if (driver_) driver_->poke();
  if (std::any_of(publishers_.begin(), publishers_.end(), [](const auto& p) { return bool(p); }))
    return;
  const bool stopped = end == PublisherEnd::kStopped && !outlives_;
  if (stopped || end == PublisherEnd::kShutdown || hold_ <= 0s) return finish(reason);
  hold(reason);
}

// Nobody delivers: the readers are kept for a while.
void LiveStream::hold(const std::string& reason) {
  hold_timer_.expires_after(std::chrono::duration_cast<std::chrono::milliseconds>(hold_));
  hold_timer_.async_wait([self = weak_from_this(), reason](boost::system::error_code cancelled) {
    const auto stream = self.lock();
    if (stream && !cancelled) stream->finish(reason);
  });
}

void LiveStream::drop_publishers(const std::function<bool(const std::string&)>& may_stay,
                                 const std::string& reason) {
  for (size_t i = 0; i < publishers_.size(); ++i) {
    if (!publishers_[i] || publishers_[i]->credential.empty()) continue;
    if (may_stay(publishers_[i]->credential)) continue;
    const auto connection = publishers_[i]->connection.lock();
    if (connection) connection->end(PublisherEnd::kRevoked, reason);
  }
}

void LiveStream::end(const std::string& reason) {
  if (service_.stopping()) drain_until_ = std::min(drain_until_, monotonic_now() + kDrainOnStop);
  if (finishing_) return;
  finishing_ = true;
  for (const auto& pull : pulls_)
    if (pull) pull->stop();
  for (size_t i = 0; i < publishers_.size(); ++i) {
    if (!publishers_[i]) continue;
    const auto connection = publishers_[i]->connection.lock();
    if (connection)  // its server goes on, and the encoder is not to come back
      connection->end(PublisherEnd::kRefused, reason);
    else
      lost(i, PublisherEnd::kShutdown, reason);
  }
  finishing_ = false;
  finish(reason);
}

void LiveStream::finish(const std::string& reason) {
  if (std::exchange(finishing_, true)) return;
  end_reason_ = reason;
  hold_timer_.cancel();
  meter_timer_.cancel();
  for (const auto& pull : pulls_)
    if (pull) pull->stop();
  driver_.reset();
  checks_.reset();
  if (bus_) bus_->close();  // the missing socket says that this end is meant
  hub_.end();
  service_.events().emit("media.ended", name_, {{"detail", reason}});
  const auto self = shared_from_this();
  if (auto handler = std::exchange(on_finish_, nullptr)) handler();
  if (service_.stopping())
    drain_until_ = monotonic_now() + kDrainOnStop;
  else if (output_done_)
    drain_until_ = monotonic_now() + kDrain;
  watch_drain();
}

void LiveStream::watch_drain() {
  const bool drained = output_done_ && (!bus_ || bus_->drained());
  if (drained || monotonic_now() >= drain_until_) {
    if (auto ended = std::exchange(ended_, nullptr)) ended(end_reason_);
    return;
  }
  drain_timer_.expires_after(kDrainPoll);
  drain_timer_.async_wait([self = weak_from_this()](boost::system::error_code cancelled) {
    const auto stream = self.lock();
    if (stream && !cancelled) stream->watch_drain();
  });
}

}  // namespace stream::ingest

// One live stream of this process: its hub, its bus or output, its publishers and pulled sources
// and what operators see of it. It outlives publishers: a take-over or a return within the hold
// continues it; with several inputs or a slate a Switcher decides what is on air. On the io thread.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "control/service.h"
#include "ingest/publication.h"
#include "ingest/publisher.h"
#include "ingest/source_thread.h"
#include "ingest/switch_driver.h"
#include "live_checks.h"
#include "media/bus.h"
#include "media/fd_output.h"
#include "media/hub.h"
#include "media/timeline.h"
#include "options.h"

namespace stream::ingest {

class LiveStream : public std::enable_shared_from_this<LiveStream> {
 public:
  using Ended = std::function<void(const std::string& reason)>;
  // Throws Error kLocked when the name is live elsewhere, or that the output can't be opened.
  // `ended` is called once, when nothing more comes and all outputs have what they get.
  LiveStream(boost::asio::io_context& io, control::Service& service, const Options& options,
             std::string name, bool live, Ended ended);
  ~LiveStream();

  // Called once, when the stream takes no publisher any more, before `ended`.
  void on_finish(std::function<void()> handler) { on_finish_ = std::move(handler); }

  // Takes the place of the input's publisher that is there, if any.
  std::unique_ptr<media::PublisherReceiver> publish(const media::PublishAttempt& attempt,
                                                    const std::string& credential,
                                                    size_t input = 0);
  // Reads an input's source until the stream ends; the stream ends with it when it ends for good.
  void pull(size_t input, media::OpenSource open, media::SourceThread::Options options,
            const std::string& protocol = "pull");
  // Called when a source's session begins.
  void on_begin(std::function<void()> handler) { on_begin_ = std::move(handler); }

  // A source that is not RTMP begins on an input; it pushes to hub(input) and says lost() or end().
  // Gives the session.
  uint64_t begin(const std::string& protocol, size_t input = 0);
  // The first media of an input went to its hub.
  void tell_tracks(size_t input = 0);
  // An input's publication is over. Who stopped by intention ends a stream that has nothing else;
  // who was lost may return.
  void lost(size_t input, media::PublisherEnd end, const std::string& reason);
  bool has_publisher(size_t input = 0) const { return publishers_.at(input).has_value(); }
  // Ends those whose key `may_stay` refuses; keys of nobody are not asked for.
  void drop_publishers(const std::function<bool(const std::string& credential)>& may_stay,
                       const std::string& reason);

  media::Hub& hub(size_t input = 0) { return switcher_ ? switcher_->hub(input) : hub_; }
  media::Timeline& timeline(size_t input = 0) {
    return switcher_ ? switcher_->timeline(input) : timeline_;
  }
  const media::Hub& output_hub() const { return hub_; }
  const std::string& name() const { return name_; }
  // Ends the publishers and the stream.
  void end(const std::string& reason);
  control::Json status() const;
  // {"input": NAME|"slate"|"auto"}. Throws Error.
  control::Json switch_verb(const control::Json& parameters);

  // What a pipe that nobody reads any more came to; 0: nothing of the kind.
  int output_error() const { return output_error_; }
  const std::string& output_error_text() const { return output_error_text_; }
  // Why its only source ended, when that is a failure.
  std::exception_ptr failure() const { return failure_; }

 private:
  class Receiver;
  struct Publisher {
    uint64_t session = 0;
    std::string address, protocol, encoder, credential;
    std::weak_ptr<media::PublisherConnection> connection;
    media::Publication* publication = nullptr;
    Nanoseconds since{0};
    bool announced = false;
  };
  struct Rate {  // over the last seconds
    Nanoseconds at{0};
    uint64_t bytes = 0, packets = 0;
  };

  void open_output(const Options& options, bool live);
  void open_inputs(const Options& options);
  void begin_session(size_t input, Publisher publisher, uint64_t replaces);
  void finish(const std::string& reason);
  void hold(const std::string& reason);
  void watch_drain();
  void meter();
  void tell_mark(const av::Packet& packet);
  void tell_switch(const media::Switcher::Switch& change);
  void notice(size_t input, const std::string& text);
  void tell_health();
  size_t shown_input() const;  // whose publisher stands in the status
  control::Json publisher_json(size_t input) const;
  control::Json tracks_json() const;
  control::Json inputs_json() const;

  boost::asio::io_context& io_;
  control::Service& service_;
  std::string name_;
  Nanoseconds hold_;
  std::vector<std::string> codecs_;
  Ended ended_;
  std::function<void()> on_finish_, on_begin_;
  media::Hub hub_;
  media::Timeline timeline_;
  std::optional<media::Switcher> switcher_;
  std::optional<media::SwitchDriver> driver_;
  std::vector<std::string> input_texts_;  // where they come from, for people
  std::optional<LiveChecks> checks_;
  bool outlives_ = false;  // a publisher that stops does not end it
  std::optional<media::BusServer> bus_;
  std::optional<media::FdOutput> output_;
  bool output_done_ = true;
  int output_error_ = 0;
  std::string output_error_text_;
  boost::asio::steady_timer hold_timer_, drain_timer_, meter_timer_;
  std::vector<std::optional<Publisher>> publishers_;  // by input
  std::vector<std::unique_ptr<media::SourceThread>> pulls_;
  uint64_t sessions_ = 0;
  std::string told_session_;
  std::vector<std::vector<Rate>> rates_;
  uint64_t rates_of_ = 0;  // session
  std::string end_reason_;
  std::exception_ptr failure_;
  bool finishing_ = false;
  Nanoseconds drain_until_ = Nanoseconds::max();
};

}  // namespace stream::ingest

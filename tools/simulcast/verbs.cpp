// What the verbs ask of the program that serves the stream.
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "control/client.h"
#include "forward/feed.h"
#include "forward/target_link.h"
#include "media/slate.h"
#include "options.h"
#include "os/dirs.h"
#include "report.h"

namespace stream::simulcast {

using Json = nlohmann::json;

namespace {

control::Client client(const Options& o) {
  check_stream_name(o.stream);
  return control::Client(os::control_socket_path(o.stream, "simulcast"));
}

// A second of pictures and silence, ready to be sent.
struct Second {
  av::Tracks tracks;
  media::ForwardQueue queue;
};
Second second_of_slate() {
  av::Track picture, sound;
  picture.codec = "h264";
  picture.width = 640;
  picture.height = 360;
  picture.frame_rate = {25, 1};
  sound.type = av::MediaType::kAudio;
  sound.codec = "aac";
  sound.sample_rate = 48000;
  sound.channels = 2;
  const media::Slate slate =
      media::Slate::make({"stream-simulcast test", "", {}}, {picture, sound});
  media::ForwardFeed feed;
  feed.set_tracks(slate.tracks());
  Second second;
  second.tracks = feed.tracks();
  media::ForwardQueue& queue = second.queue;
  for (const media::MessagePtr& message : feed.opening()) queue.push(message);
  media::SlatePlayer player(slate);
  while (player.next_time() < std::chrono::seconds(1)) {
    for (const media::MessagePtr& message : feed.push(player.next(), Nanoseconds(0)))
      queue.push(message);
  }
  return second;
}

// One try at a destination: notes how far it came. With `slate` it ends a while after that was
// sent.
class Try final : public media::ForwardLinkHost {
 public:
  Try(boost::asio::io_context& io, media::ForwardQueue slate)
      : io_(io), slate_(std::move(slate)), wait_(io) {}
  bool link_phase(media::ForwardState phase) override {
    phase_ = phase;
    return true;
  }
  void link_ready() override {
    ready = true;
    if (slate_.empty()) return io_.stop();
    link_writable();
    // What the other side has to say to the media, it says within this time.
    wait_.expires_after(std::chrono::milliseconds(1500));
    wait_.async_wait([this](const boost::system::error_code& error) {
      if (!error) io_.stop();
    });
  }
  void link_writable() override { link->send(slate_, 0); }
  void link_moved(media::ForwardMove) override {}
  void link_lost(bool, const std::string&) override {}
  std::optional<media::ForwardMove> take_move() override { return std::nullopt; }
  void link_failed(media::LinkFailure why) override {
    failure = std::move(why);
    io_.stop();
  }
  std::string phase() const { return std::string(to_text(phase_)); }

  std::shared_ptr<media::ForwardLink> link;
  bool ready = false;
  std::optional<media::LinkFailure> failure;

 private:
  boost::asio::io_context& io_;
  media::ForwardQueue slate_;
  boost::asio::steady_timer wait_;
  media::ForwardState phase_ = media::ForwardState::kIdle;
};

}  // namespace

int change(const Options& o, cli::Context& context, const std::string& verb) {
  const bool with_spec = verb == "add" || verb == "set";
  control::Client c = client(o);
  const Json params = with_spec ? Json{{"spec", o.spec.text}} : Json{{"names", o.names}};
  const Json answer = c.call("destination." + verb, params);
  if (context.json()) {
    context.print_json({{"schema", "stream.simulcast.change/1"}, {"changed", answer["changed"]}});
    return 0;
  }
  const bool changed = answer.value("changed", true);
  context.confirm((changed ? "done: " : "nothing to do: ") + verb + "; stream-simulcast list " +
                  o.stream + " shows the destinations");
  return 0;
}

int list(const Options& o, cli::Context& context) {
  const Json answer = client(o).call("destination.list");
  if (context.json()) {
    context.print_json(answer);
  } else {
    const std::string uplink = uplink_line(answer.at("uplink"));
    context.print(table(answer.at("destinations")) + (uplink.empty() ? "" : uplink + "\n") +
                  encoding_table(answer.value("encodings", Json::array())));
  }
  return 0;
}

int test(const Options& o, cli::Context& context) {
  boost::asio::io_context io(1);
  media::ForwardNetwork network(io, std::make_shared<const net::TlsTrust>(o.ca_file));
  if (!o.spec.file().empty())
    throw Error(Exit::kUsage, "destination.url", o.spec.where + " is a file",
                "a test is for destinations that answer");
  const Second slate = o.test_slate ? second_of_slate() : Second{};
  Try attempt(io, slate.queue);
  const auto link = attempt.link = media::make_target_link(
      network, [&o] { return o.spec.target(); }, {}, {[&slate] { return slate.tracks; }}, attempt);
  constexpr auto kLimit = std::chrono::seconds(15);
  boost::asio::steady_timer limit(io, kLimit);
  limit.async_wait([&io](const boost::system::error_code&) { io.stop(); });
  io.run();
  if (attempt.ready && !attempt.failure) {
    const media::ForwardLink::Flow flow = link->flow();
    link->finish();
    if (context.json()) {
      context.print_json({{"schema", "stream.simulcast.test/1"},
                          {"destination", o.spec.name},
                          {"sent_bytes", flow.sent_bytes},
                          {"acknowledged_bytes", flow.acknowledged_bytes},
                          {"rtt_seconds", flow.rtt_seconds}});
    } else {
      context.print(o.spec.name + " takes the publication" +
                    (o.test_slate ? " and a second of media" : "") + "\n");
    }
    return 0;
  }
  const std::string text = o.spec.name + " (" + o.spec.shown() + ") came as far as " +
                           attempt.phase() + ": " +
                           (attempt.failure ? attempt.failure->reason : "no answer within 15 s");
  if (attempt.failure && attempt.failure->kind == media::LinkFailure::Kind::kRefused)
    throw Error(Exit::kRefused, "destination.refused", text,
                "check the key, and whether it is in use");
  throw Error(Exit::kNetwork, "destination.unreachable", text, "check the address and the network");
}

}  // namespace stream::simulcast

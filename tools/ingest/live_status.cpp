// What operators ask of a live stream: its status and the choice of its input.
#include "base/error.h"
#include "base/text.h"
#include "live_json.h"
#include "live_stream.h"

namespace stream::ingest {
namespace {

using control::Json;
using namespace std::chrono_literals;

constexpr auto kMeter = 1s;
constexpr size_t kMeterWindow = 6;

Json link_json(const media::LinkStats& l) {
  return {{"rtt_seconds", l.rtt_seconds >= 0 ? Json(l.rtt_seconds) : Json(nullptr)},
          {"latency_seconds", l.latency_seconds},
          {"buffer_seconds", l.buffer_seconds},
          {"receive_bps", static_cast<int64_t>(l.receive_bps)},
          {"bandwidth_bps", static_cast<int64_t>(l.bandwidth_bps)},
          {"received_packets", l.received_packets},
          {"lost_packets", l.lost_packets},
          {"retransmitted_packets", l.retransmitted_packets},
          {"dropped_packets", l.dropped_packets},
          {"undecrypted_packets", l.undecrypted_packets}};
}

}  // namespace

Json track_json(int number, const av::Track& track) {
  return {{"track", number},
          {"kind", track.type == av::MediaType::kVideo ? "video" : "audio"},
          {"codec", track.codec},
          {"width", or_null(track.width)},
          {"height", or_null(track.height)},
          {"frame_rate", track.frame_rate.known() ? Json(track.frame_rate.value()) : Json(nullptr)},
          {"sample_rate", or_null(track.sample_rate)},
          {"channels", or_null(track.channels)}};
}

// The input on air, else the first with a publisher.
size_t LiveStream::shown_input() const {
  if (switcher_) {
    const auto inputs = switcher_->inputs();
    for (size_t i = 0; i < inputs.size(); ++i)
      if (inputs[i].on_air && publishers_[i]) return i;
  }
  for (size_t i = 0; i < publishers_.size(); ++i)
    if (publishers_[i]) return i;
  return 0;
}

void LiveStream::meter() {
  tell_health();
  const auto& publisher = publishers_[shown_input()];
  if (publisher && publisher->session != rates_of_) {
    rates_.clear();
    rates_of_ = publisher->session;
  }
  if (publisher && publisher->publication) {
    const auto tracks = publisher->publication->tracks();
    rates_.resize(tracks.size());
    for (size_t i = 0; i < tracks.size(); ++i) {
      rates_[i].push_back({monotonic_now(), tracks[i].bytes, tracks[i].packets});
      if (rates_[i].size() > kMeterWindow) rates_[i].erase(rates_[i].begin());
    }
  }
  meter_timer_.expires_after(kMeter);
  meter_timer_.async_wait([self = weak_from_this()](boost::system::error_code cancelled) {
    const auto stream = self.lock();
    if (stream && !cancelled && !stream->finishing_) stream->meter();
  });
}

void LiveStream::tell_health() {
  for (const auto& publisher : publishers_) {
    const auto connection = publisher ? publisher->connection.lock() : nullptr;
    const auto link = connection ? connection->link() : std::nullopt;
    if (!link || link->received_packets == 0) continue;  // nothing was measured yet
    Json fields = link_json(*link);
    fields["session"] = publisher->session;
    service_.events().emit("publisher.health", name_, std::move(fields));
  }
}

Json LiveStream::switch_verb(const Json& parameters) {
  const std::string wanted =
      parameters.is_object() && parameters.contains("input") && parameters["input"].is_string()
          ? parameters["input"].get<std::string>()
          : std::string();
  if (!switcher_)
    throw Error(Exit::kUsage, "ingest.switch", "the stream has one input and no slate",
                "start it with --input NAME=WHERE for each, or --slate");
  if (!switcher_->select(wanted)) {
    std::string names = "auto";
    for (const auto& input : switcher_->inputs()) names += ", " + input.name;
    throw Error(Exit::kUsage, "ingest.switch", "there is no input '" + escaped(wanted, 60) + "'",
                "there are " + names + "; slate when one was given");
  }
  driver_->poke();
  return {{"selected", wanted}, {"on_air", or_null(switcher_->on_air())}};
}

Json LiveStream::publisher_json(size_t input) const {
  if (!publishers_[input]) return nullptr;
  const Publisher& publisher = *publishers_[input];
  const auto connection = publisher.connection.lock();
  const auto link = connection ? connection->link() : std::nullopt;
  return {{"session", publisher.session},
          {"address", or_null(publisher.address)},
          {"protocol", publisher.protocol},
          {"encoder", or_null(publisher.encoder)},
          {"live_seconds", seconds(monotonic_now() - publisher.since)},
          {"received_bytes", connection ? Json(connection->received_bytes()) : Json(nullptr)},
          {"link", link ? link_json(*link) : Json(nullptr)}};
}

Json LiveStream::inputs_json() const {
  if (!switcher_) return nullptr;
  Json all = Json::array();
  const auto inputs = switcher_->inputs();
  for (size_t i = 0; i < inputs.size(); ++i)
    all.push_back(
        {{"input", inputs[i].name},
         {"source", input_texts_[i]},
         {"on_air", inputs[i].on_air},
         {"live", inputs[i].live},
         {"silent_seconds", inputs[i].silent ? Json(seconds(*inputs[i].silent)) : Json(nullptr)},
         {"publisher", publisher_json(i)}});
  return all;
}

Json LiveStream::tracks_json() const {
  Json tracks = Json::array();
  std::vector<media::Publication::TrackInfo> infos;
  const auto& publisher = publishers_[shown_input()];
  if (publisher && publisher->publication) infos = publisher->publication->tracks();
  for (size_t i = 0; i < hub_.tracks().size(); ++i) {
    const av::Track& track = hub_.tracks()[i];
    const bool video = track.type == av::MediaType::kVideo;
    Json json{{"kind", video ? "video" : "audio"},
              {"codec", track.codec},
              {"width", or_null(track.width)},
              {"height", or_null(track.height)},
              {"sample_rate", or_null(track.sample_rate)},
              {"channels", or_null(track.channels)},
              {"packets", nullptr},
              {"dropped_packets", nullptr},
              {"bit_rate_bps", nullptr},
              {"frame_rate", nullptr}};
    if (i < infos.size()) {
      json["packets"] = infos[i].packets;
      json["dropped_packets"] = infos[i].dropped;
    }
    if (i < rates_.size() && rates_[i].size() > 1) {
      const Rate &a = rates_[i].front(), &b = rates_[i].back();
      const double span = seconds(b.at - a.at);
      json["bit_rate_bps"] =
          static_cast<int64_t>(static_cast<double>(b.bytes - a.bytes) * 8 / span);
      if (video) json["frame_rate"] = static_cast<double>(b.packets - a.packets) / span;
    }
    tracks.push_back(std::move(json));
  }
  return tracks;
}

Json LiveStream::status() const {
  Json readers = Json::array();
  if (bus_)
    for (const auto& reader : bus_->readers())
      readers.push_back({{"reader", reader.number},
                         {"pid", reader.pid},
                         {"sent_bytes", reader.sent_bytes},
                         {"queued_bytes", reader.queued_bytes},
                         {"queued_seconds", seconds(reader.queued_span)},
                         {"dropped_packets", reader.dropped_packets}});
  Json output = nullptr;
  if (output_)
    output = {{"written_bytes", output_->written_bytes()},
              {"dropped_packets", output_->dropped_packets()}};
  return {{"live", has_publisher(shown_input()) && hub_.announced()},
          {"publisher", publisher_json(shown_input())},
          {"inputs", inputs_json()},
          {"on_air", switcher_ ? or_null(switcher_->on_air()) : Json(nullptr)},
          {"selected", switcher_ ? Json(switcher_->selected()) : Json(nullptr)},
          {"failed_checks", checks_ ? checks_->status() : Json(nullptr)},
          {"sessions", sessions_},
          {"media_seconds", seconds(timeline_.end())},
          {"tracks", tracks_json()},
          {"readers", std::move(readers)},
          {"output", std::move(output)},
          {"dropped_packets", hub_.dropped()}};
}

}  // namespace stream::ingest

#include "whep/channel.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "codec/audio.h"
#include "codec/avc.h"

namespace stream::whep {
namespace {

using namespace std::chrono_literals;

constexpr auto kHold = 3s;             // how long a stream that broke off is waited for
constexpr auto kOrderTolerance = 5ms;  // of rounding in the source's times

bool is_playable(const std::string& codec) {
  return codec == "h264" || codec == "hevc" || codec == "vp8" || codec == "vp9" || codec == "av1";
}

std::string with_reordering(const std::string& name) {
  return "the pictures of " + name +
         " come in another order than they are shown in (B-frames), which browsers cannot play "
         "over WebRTC; " +
         (split_bus_name(name).rung
              ? "run its stream-ladder with --low-delay, or watch by HLS"
              : "publish without them (OBS: Max B-frames 0, ffmpeg: -bf 0), encode anew beside "
                "it with stream-ladder --low-delay --bus, or watch by HLS");
}

// "640028" out of the configuration; empty when it does not say.
std::string profile_of(const av::Track& track) {
  if (track.codec != "h264") return {};
  auto config = codec::parse_avcc(track.extradata);
  if (!config) config = codec::avc_parameter_sets(track.extradata);
  if (!config) return {};
  const Bytes sps = config->sps.front();
  if (sps.size() < 4) return {};
  std::string text;
  for (const uint8_t byte : sps.subspan(1, 3)) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

}  // namespace

Channel::Channel(boost::asio::io_context& io, std::string bus, std::shared_ptr<Line> line,
                 Handlers handlers)
    : name_(std::move(bus)),
      handlers_(std::move(handlers)),
      line_(std::move(line)),
      input_(
          io, "bus:" + name_, kHold,
          [this](std::vector<media::ForwardInput::Item> items) { take(std::move(items)); },
          !rung().empty()) {}

std::string Channel::rung() const {
  return std::string(split_bus_name(name_).rung.value_or(""));
}

void Channel::set(State state, std::string refusal) {
  if (state_ == state || state_ == State::kRefused || state_ == State::kEnded) return;
  hand_on();
  state_ = state;
  refusal_ = std::move(refusal);
  handlers_.changed();
}

std::vector<webrtc::SentTrack> Channel::tracks() const {
  std::vector<webrtc::SentTrack> result;
  if (video_.packetiser) result.push_back({"video", video_.codec, profile_of(video_.info), 0, 0});
  if (audio_.packetiser) result.push_back({"audio", audio_.codec, {}, 0, 0});
  return result;
}

void Channel::take(std::vector<media::ForwardInput::Item> items) {
  for (auto& item : items) {
    if (state_ == State::kRefused || state_ == State::kEnded) return;
    if (const auto* packet = std::get_if<av::Packet>(&item)) {
      take_packet(*packet);
      continue;
    }
    hand_on();
    if (const auto* tracks = std::get_if<av::Tracks>(&item)) {
      take_tracks(*tracks);
    } else if (std::holds_alternative<media::ForwardInput::Lost>(item)) {
      cache_.clear();
      again_ = true;
    } else {
      set(State::kEnded, "the stream " + name_ + " is not live");
    }
  }
  hand_on();
}

void Channel::take_tracks(const av::Tracks& tracks) {
  const std::string codecs_before = video_.codec + " " + audio_.codec;
  const bool again = video_.track >= 0 || audio_.track >= 0;
  video_ = {};
  audio_ = {};
  converter_.reset();
  cache_.clear();
  meter_.clear();
  again_ |= again;
  last_picture_ = Nanoseconds::min();
  for (size_t i = 0; i < tracks.size(); ++i) {
    const av::Track& track = tracks[i];
    Lane& lane = track.type == av::MediaType::kVideo ? video_ : audio_;
    if (track.type == av::MediaType::kData || lane.track >= 0) continue;
    lane.track = static_cast<int>(i);
    lane.info = track;
    lane.codec = track.codec;
  }
  if (video_.track >= 0) {
    if (!is_playable(video_.codec))
      return set(State::kRefused, "the picture of " + name_ + " is " + video_.codec +
                                      ", which no browser plays over WebRTC; watch it by HLS");
    video_.packetiser = rtp::make_packetiser(video_.codec, video_.info.extradata);
  }
  if (audio_.track >= 0) {
    if (audio_.codec != "opus" || audio_.info.channels > 2) try {
        converter_ = std::make_unique<media::SoundConverter>(audio_.info, "opus", 2);
      } catch (const Error& error) {
        log::warning("the sound of " + name_ + " is left out: " + error.what());
      }
    const bool has_opus = converter_ || (audio_.codec == "opus" && audio_.info.channels <= 2);
    audio_.codec = "opus";
    if (has_opus) audio_.packetiser = rtp::make_packetiser("opus", {});
  }
  if (!video_.packetiser && !audio_.packetiser)
    return set(State::kRefused, "the stream " + name_ + " has neither picture nor sound");
  if (again && codecs_before != video_.codec + " " + audio_.codec) handlers_.restarted();
}

void Channel::take_packet(const av::Packet& packet) {
  if (packet.track == video_.track && video_.packetiser) take_picture(packet);
  if (packet.track == audio_.track && audio_.packetiser) take_sound(packet);
}

void Channel::take_picture(const av::Packet& packet) {
  const Rational base = video_.info.time_base;
  const Nanoseconds shown(rescale(packet.pts, base, kNanosecondBase)),
      decoded(rescale(packet.dts, base, kNanosecondBase));
  const bool jump = packet.mark && (packet.mark->discontinuity || !packet.mark->session.empty());
  if (shown - decoded > kOrderTolerance || (!jump && shown < last_picture_))
    return set(State::kRefused, with_reordering(name_));
  last_picture_ = shown;
  if (packet.mark && !packet.mark->extradata.empty()) {
    video_.info.extradata = packet.mark->extradata;
    video_.packetiser->configure(packet.mark->extradata);
  }
  meter_.add(shown, packet.data.size());
  lateness_.add(shown, monotonic_now());
  send(video_, packet.data, packet.key, place(packet.pts, base));
}

Nanoseconds Channel::place(int64_t pts, Rational base) {
  return line_->place(Nanoseconds(rescale(pts, base, kNanosecondBase)),
                      std::exchange(again_, false), monotonic_now());
}

void Channel::take_sound(const av::Packet& packet) {
  if (!gives_sound_) return;
  if (!converter_) return send(audio_, packet.data, true, place(packet.pts, audio_.info.time_base));
  for (const av::Packet& made : converter_->convert(packet))
    send(audio_, made.data, true, place(made.pts, converter_->track().time_base));
}

void Channel::send(Lane& lane, Bytes data, bool key, Nanoseconds at) {
  const bool video = &lane == &video_;
  auto unit = std::make_shared<Unit>();
  unit->video = video;
  unit->key = key;
  unit->timestamp =
      video ? line_->video(at) : line_->sound(at, static_cast<uint32_t>(codec::opus_samples(data)));
  auto payloads = lane.packetiser->packetise(data, key);
  if (payloads.empty()) return;
  unit->payloads = std::make_shared<const rtp::Payloads>(std::move(payloads));
  const UnitPtr shared = std::move(unit);
  if (video) remember(shared);
  if (state_ == State::kWaiting && (!video_.packetiser || !cache_.empty())) set(State::kReady);
  if (state_ == State::kReady) units_.push_back(shared);
}

// What came together goes to one viewer after the other: all that one needs is at hand then.
void Channel::hand_on() {
  if (!units_.empty()) handlers_.media(*this, units_);
  units_.clear();
}

// A key frame begins it anew; without one, and when it would become too much, nothing is kept.
void Channel::remember(const UnitPtr& unit) {
  if (unit->key) {
    cache_.clear();
    cached_bytes_ = 0;
  } else if (cache_.empty()) {
    return;
  }
  for (const auto& payload : *unit->payloads) cached_bytes_ += payload.data.size();
  cache_.push_back(unit);
  if (cache_.size() > kMaxCached || cached_bytes_ > kMaxCachedBytes) cache_.clear();
}

}  // namespace stream::whep

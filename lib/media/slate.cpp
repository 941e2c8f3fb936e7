#include "media/slate.h"

#include <algorithm>
#include <optional>

#include "av/decoder.h"
#include "av/input.h"
#include "av/text.h"
#include "base/error.h"

namespace stream::media {
namespace {

constexpr Nanoseconds kStill = std::chrono::seconds(2);
constexpr Nanoseconds kLongestFilm = std::chrono::seconds(60);
constexpr size_t kMostBytes = 64u << 20;
constexpr uint8_t kGrey = 40;
constexpr int64_t kOpusRate = 48000, kOpusPacket = 960;
constexpr uint8_t kOpusSilence[] = {0xf8, 0xff, 0xfe};  // RFC 6716: CELT, 20 ms, nothing in it

// One quiet packet, over and over.
Encoded silence(const av::Track& like) {
  Encoded loop;
  if (like.codec == "opus") {
    loop.track = like;
    loop.track.time_base = {1, static_cast<int>(kOpusRate)};
    loop.track.frame_samples = kOpusPacket;
    loop.length = kOpusPacket;
    av::Packet packet;
    packet.data = Buffer::copy(kOpusSilence);
    packet.duration = kOpusPacket;
    packet.key = true;
    loop.packets.push_back(std::move(packet));
    return loop;
  }
  if (encoder_of(like.codec).empty()) {
    loop.track = like;
    return loop;
  }
  SoundConformer sounds(like);
  sounds.silence(sounds.rate());
  loop = sounds.finish(sounds.rate());
  av::Packet packet = loop.packets.at(loop.packets.size() / 2);  // beyond the encoder's start
  packet.pts = packet.dts = 0;
  loop.length = packet.duration;
  loop.packets.assign(1, std::move(packet));
  return loop;
}

// A film's first picture and sound track through encoders of the stream's own kind.
class Film {
 public:
  Film(const std::string& file, const av::Track& picture_like, const av::Track* sound_like)
      : input_(av::Input::open(file)), pictures_(picture_like) {
    for (size_t i = 0; i < input_.tracks().size(); ++i) {
      const bool video = input_.tracks()[i].type == av::MediaType::kVideo;
      int& index = video ? video_ : audio_;
      if (index < 0) index = static_cast<int>(i);
    }
    if (video_ < 0)
      throw Error(Exit::kInputDamaged, "slate.codec", "there is no picture in " + file,
                  "a slate is a picture or a film; --slate also takes a text");
    video_decoder_.emplace(track(video_));
    if (audio_ < 0 || !sound_like || encoder_of(sound_like->codec).empty()) return;
    audio_decoder_.emplace(track(audio_));
    sounds_.emplace(*sound_like);
  }

  // Pictures, and sound when there is any.
  std::pair<Encoded, std::optional<Encoded>> make(const std::function<bool()>& stopped) {
    while (auto packet = input_.read()) {
      if (stopped && stopped()) throw Error(Exit::kTerminated, "input.interrupted", "stopped");
      if (full()) break;
      if (packet->track == video_) {
        video_decoder_->send(*packet);
        show();
      } else if (packet->track == audio_ && audio_decoder_) {
        audio_decoder_->send(*packet);
        hear();
      }
    }
    video_decoder_->finish();
    show();
    if (audio_decoder_) {
      audio_decoder_->finish();
      hear();
    }
    if (!last_)
      throw Error(Exit::kInputDamaged, "slate.codec", "no picture of the slate can be decoded");
    const bool still = shown_ == 1;
    const int64_t least = still ? slot(kStill) : pictures_.count() + 1;
    while (pictures_.count() < least) pictures_.add(last_);
    const int64_t count = pictures_.count();
    auto pictures = pictures_.finish();
    if (!heard_) return {std::move(pictures), std::nullopt};
    return {std::move(pictures),
            sounds_->finish(rescale(count, pictures_.base(), {1, sounds_->rate()}))};
  }

 private:
  const av::Track& track(int index) const { return input_.tracks()[static_cast<size_t>(index)]; }
  int64_t slot(Nanoseconds at) const {
    return rescale(at.count(), kNanosecondBase, pictures_.base());
  }
  bool full() const {
    return pictures_.count() >= slot(kLongestFilm) || pictures_.bytes() > kMostBytes;
  }
  // Each picture stands until the next one's time, at the stream's rate.
  void show() {
    while (auto frame = video_decoder_->receive()) {
      const int64_t pts = frame->pts() == kNoTime ? 0 : frame->pts();
      if (!start_) start_ = Nanoseconds(rescale(pts, track(video_).time_base, kNanosecondBase));
      const Nanoseconds at =
          Nanoseconds(rescale(pts, track(video_).time_base, kNanosecondBase)) - *start_;
      ++shown_;
      if (last_)
        while (pictures_.count() < slot(at) && !full()) pictures_.add(last_);
      last_ = pictures_.fit(*frame);
    }
  }
  void hear() {
    while (auto frame = audio_decoder_->receive()) {
      const Nanoseconds at(frame->pts() == kNoTime
                               ? 0
                               : rescale(frame->pts(), track(audio_).time_base, kNanosecondBase));
      if (!heard_ && at > start_.value_or(Nanoseconds{0}))
        sounds_->silence(rescale((at - start_.value_or(Nanoseconds{0})).count(), kNanosecondBase,
                                 {1, sounds_->rate()}));
      heard_ = true;
      sounds_->add(*frame);
    }
  }

  av::Input input_;
  PictureConformer pictures_;
  std::optional<SoundConformer> sounds_;
  int video_ = -1, audio_ = -1;
  std::optional<av::Decoder> video_decoder_, audio_decoder_;
  std::optional<Nanoseconds> start_;
  av::Frame last_;
  int64_t shown_ = 0;
  bool heard_ = false;
};

}  // namespace

Slate Slate::make(const SlateSource& source, const av::Tracks& like,
                  const std::function<bool()>& stopped) {
  Slate slate;
  slate.loops_.resize(like.size());
  const av::Track *picture = nullptr, *sound = nullptr;
  for (const av::Track& track : like) {
    const bool video = track.type == av::MediaType::kVideo;
    if (video && !picture) picture = &track;
    if (!video && !sound) sound = &track;
  }
  if (picture && encoder_of(picture->codec).empty())
    throw Error(Exit::kUnsupported, "slate.codec",
                "a slate can't be encoded as " + picture->codec + " here",
                "publish H.264, HEVC or AV1");
  for (size_t i = 0; i < like.size(); ++i) {
    Encoded& loop = slate.loops_[i];
    loop.track = like[i];
    if (like[i].type == av::MediaType::kAudio && loop.packets.empty()) loop = silence(like[i]);
    if (&like[i] != picture) continue;
    if (!source.file.empty()) {
      auto [pictures, sounds] = Film(source.file, *picture, sound).make(stopped);
      loop = std::move(pictures);
      if (sounds && !sounds->packets.empty())
        slate.loops_[static_cast<size_t>(sound - like.data())] = std::move(*sounds);
      continue;
    }
    PictureConformer pictures(*picture);
    av::Frame frame = source.picture ? pictures.fit(source.picture) : pictures.blank(kGrey);
    if (!source.picture) av::draw_text(frame, source.text);
    const int64_t count = rescale(kStill.count(), kNanosecondBase, pictures.base());
    for (int64_t n = 0; n < std::max<int64_t>(1, count); ++n) {
      if (stopped && stopped()) break;
      pictures.add(frame);
    }
    loop = pictures.finish();
  }
  for (size_t i = 0; i < like.size(); ++i)
    for (av::Packet& packet : slate.loops_[i].packets) packet.track = static_cast<int>(i);
  return slate;
}

av::Tracks Slate::tracks() const {
  av::Tracks all;
  for (const Encoded& loop : loops_) all.push_back(loop.track);
  return all;
}

SlatePlayer::SlatePlayer(const Slate& slate) : slate_(slate), places_(slate.loops().size()) {}

Nanoseconds SlatePlayer::time_of(size_t track) const {
  const Encoded& loop = slate_.loops()[track];
  const Place& place = places_[track];
  return Nanoseconds(
      rescale(place.begin + loop.packets[place.packet].dts, loop.track.time_base, kNanosecondBase));
}

size_t SlatePlayer::earliest() const {
  size_t best = places_.size();
  for (size_t i = 0; i < places_.size(); ++i)
    if (!slate_.loops()[i].packets.empty() &&
        (best == places_.size() || time_of(i) < time_of(best)))
      best = i;
  return best;
}

Nanoseconds SlatePlayer::next_time() const {
  const size_t track = earliest();
  return track < places_.size() ? time_of(track) : Nanoseconds::max();
}

av::Packet SlatePlayer::next() {
  const size_t track = earliest();
  const Encoded& loop = slate_.loops().at(track);
  Place& place = places_[track];
  av::Packet packet = loop.packets[place.packet];
  packet.dts += place.begin;
  packet.pts += place.begin;
  if (++place.packet == loop.packets.size()) {
    place.packet = 0;
    place.begin += loop.length;
  }
  return packet;
}

}  // namespace stream::media

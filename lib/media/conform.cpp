#include "media/conform.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "codec/description.h"
#include "codec/nal.h"

namespace stream::media {
namespace {

constexpr Nanoseconds kGroup = std::chrono::seconds(2);
constexpr uint8_t kBlack = 16;
constexpr Rational kUsualRate{25, 1};

void fill(av::Frame& frame, uint8_t luma) {
  for (int plane = 0; plane < 3; ++plane)
    std::memset(frame.plane(plane), plane ? 128 : luma,
                static_cast<size_t>(frame.stride(plane)) *
                    static_cast<size_t>(plane ? frame.height() / 2 : frame.height()));
}

int even(double value) {
  return std::max(2, static_cast<int>(value / 2 + 0.5) * 2);
}

av::AudioEncoding sound_encoding(const av::Track& like) {
  av::AudioEncoding e;
  e.encoder = encoder_of(like.codec);
  if (like.sample_rate > 0) e.sample_rate = like.sample_rate;
  e.channels = std::clamp(like.channels, 1, 8);
  if (like.bit_rate > 0) e.bit_rate = std::clamp<int64_t>(like.bit_rate, 32'000, 256'000);
  return e;
}

}  // namespace

std::string encoder_of(const std::string& codec) {
  if (codec == "h264") return "libx264";
  if (codec == "hevc") return "libx265";
  if (codec == "av1") return "libsvtav1";
  if (codec == "aac" || codec == "ac3" || codec == "eac3") return codec;
  if (codec == "mp3") return "libmp3lame";
  return {};
}

av::Frame Fitter::fit(const av::Frame& in) {
  const double wide = in.width() * in.sample_aspect().value() / in.height();
  const int w = std::min(width_, even(height_ * wide)), h = std::min(height_, even(width_ / wide));
  if (!scaler_ || w != inner_width_ || h != inner_height_) scaler_.emplace(w, h);
  inner_width_ = w;
  inner_height_ = h;
  const av::Frame inner = scaler_->scale(in);
  if (w == width_ && h == height_) return inner;
  av::Frame out = av::Frame::picture(width_, height_);
  fill(out, kBlack);
  const int x = (width_ - w) / 4 * 2, y = (height_ - h) / 4 * 2;
  for (int plane = 0; plane < 3; ++plane) {
    const int half = plane ? 2 : 1;
    for (int row = 0; row < h / half; ++row)
      std::memcpy(out.plane(plane) + (y / half + row) * out.stride(plane) + x / half,
                  inner.plane(plane) + row * inner.stride(plane), static_cast<size_t>(w / half));
  }
  return out;
}

PictureConformer::PictureConformer(const av::Track& like) {
  av::VideoEncoding e;
  e.encoder = encoder_of(like.codec);
  if (e.encoder != "libsvtav1") e.tune = "zerolatency";  // nothing is reordered
  e.width = width_ = std::max(16, like.width & ~1);
  e.height = height_ = std::max(16, like.height & ~1);
  e.frame_rate = like.frame_rate.known() ? like.frame_rate : kUsualRate;
  e.time_base = base_ = {e.frame_rate.den, e.frame_rate.num};
  const double pixels = static_cast<double>(e.width) * e.height * e.frame_rate.value();
  e.bit_rate = std::max<int64_t>(150'000, static_cast<int64_t>(pixels * 0.05));
  if (like.bit_rate > 0)
    e.bit_rate = std::min(e.bit_rate, std::max<int64_t>(like.bit_rate, 64'000));
  group_ = std::max<int64_t>(1, rescale(kGroup.count(), kNanosecondBase, base_));
  encoder_.emplace(e);
  fitter_.emplace(e.width, e.height);
  as_lengths_ = (like.codec == "h264" || like.codec == "hevc") && !like.extradata.empty() &&
                !codec::is_annexb(like.extradata);
}

av::Frame PictureConformer::blank(uint8_t luma) const {
  av::Frame frame = av::Frame::picture(width_, height_);
  fill(frame, luma);
  return frame;
}

void PictureConformer::add(const av::Frame& frame) {
  av::Frame own(frame);
  own.set_pts(next_);
  encoder_->send(own, next_ % group_ == 0);
  ++next_;
  collect();
}

void PictureConformer::collect() {
  while (auto packet = encoder_->receive()) {
    bytes_ += packet->data.size();
    packets_.push_back(std::move(*packet));
  }
}

Encoded PictureConformer::finish() {
  encoder_->finish();
  collect();
  Encoded all;
  all.track = encoder_->track();
  if (as_lengths_) {
    const auto described = codec::describe(all.track.codec, all.track.extradata);
    if (!described)
      throw Error(Exit::kNo, "slate.codec", "the encoder's own headers can't be read");
    all.track.extradata = Buffer::copy(described->config);
    for (av::Packet& packet : packets_) packet.data = codec::annexb_to_length_prefixed(packet.data);
  }
  for (av::Packet& packet : packets_) packet.duration = 1;
  all.packets = std::move(packets_);
  all.length = next_;
  return all;
}

SoundConformer::SoundConformer(const av::Track& like)
    : encoder_(sound_encoding(like)),
      rate_(encoder_.track().sample_rate),
      channels_(encoder_.track().channels),
      resampler_(rate_, channels_),
      fifo_(static_cast<size_t>(channels_)) {}

void SoundConformer::silence(int64_t samples) {
  for (auto& channel : fifo_) channel.insert(channel.end(), static_cast<size_t>(samples), 0.0F);
  drain();
}

void SoundConformer::add(const av::Frame& frame) {
  append(resampler_.convert(frame));
}

void SoundConformer::append(const av::Frame& frame) {
  if (!frame) return;
  for (int c = 0; c < channels_; ++c) {
    auto& channel = fifo_[static_cast<size_t>(c)];
    channel.insert(channel.end(), frame.channel(c), frame.channel(c) + frame.samples());
  }
  drain();
}

void SoundConformer::drain() {
  const int length = encoder_.frame_samples();
  while (fifo_[0].size() >= static_cast<size_t>(length)) {
    av::Frame frame = av::Frame::sound(rate_, channels_, length);
    for (int c = 0; c < channels_; ++c) {
      auto& channel = fifo_[static_cast<size_t>(c)];
      std::copy(channel.begin(), channel.begin() + length, frame.channel(c));
      channel.erase(channel.begin(), channel.begin() + length);
    }
    frame.set_pts(sent_);
    sent_ += length;
    encoder_.send(frame);
    collect();
  }
}

void SoundConformer::collect() {
  while (auto packet = encoder_.receive()) packets_.push_back(std::move(*packet));
}

Encoded SoundConformer::finish(int64_t samples) {
  append(resampler_.flush());
  const int64_t length = encoder_.frame_samples();
  // Beyond the end, so that the last packet that counts is whole.
  const int64_t missing = samples - sent_ - static_cast<int64_t>(fifo_[0].size());
  silence(std::max<int64_t>(0, missing) + 4 * length);
  encoder_.finish();
  collect();
  Encoded all;
  all.track = encoder_.track();
  all.length = samples;
  for (av::Packet& packet : packets_) {
    if (packet.pts < 0 || packet.pts + length > samples) continue;  // the encoder's lead-in
    packet.dts = packet.pts;
    packet.duration = length;
    all.packets.push_back(std::move(packet));
  }
  return all;
}

}  // namespace stream::media

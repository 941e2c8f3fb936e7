#include "encode/picture_encode.h"

#include <algorithm>

#include "base/error.h"
#include "base/log.h"

namespace stream::media {
namespace {

constexpr double kMaxFrameRate = 60;
constexpr auto kKeyframeDistance =
    static_cast<int64_t>(PictureEncode::kKeyframeSeconds * kPictureSecond);

}  // namespace

PictureEncode::PictureEncode(RungSpec spec, int threads, Sink sink)
    : spec_(std::move(spec)), threads_(threads), sink_(std::move(sink)) {
  thread_ = std::thread([this] { run(); });
}

PictureEncode::~PictureEncode() {
  cancelled_ = true;
  queue_.stop();
  thread_.join();
}

void PictureEncode::offer(const av::Frame& picture, Rational frame_rate) {
  const int64_t pts = picture.pts();
  constexpr auto kLeast = static_cast<int64_t>(0.9 * kPictureSecond / kMaxFrameRate);
  if (pts == kNoTime || (offered_ != kNoTime && pts - offered_ < kLeast)) return;
  Picture item{picture, frame_rate};
  if (queue_.try_push(item)) {
    offered_ = pts;
  } else {
    ++dropped_;
  }
}

void PictureEncode::run() {
  while (auto picture = queue_.pop()) {
    if (cancelled_) return;
    try {
      encode(*picture);
    } catch (const std::exception& e) {
      failed(e.what());
      retry_at_ = picture->frame.pts() + kKeyframeDistance;
    }
  }
  if (cancelled_) return;
  try {
    close();
  } catch (const std::exception& e) {
    failed(e.what());
  }
  sink_(std::nullopt);
}

void PictureEncode::encode(const Picture& picture) {
  const av::Frame& source = picture.frame;
  const int64_t pts = source.pts();
  if (retry_at_ != kNoTime && pts < retry_at_) return;
  retry_at_ = kNoTime;
  const Size shown = square_size(source.width(), source.height(), source.sample_aspect());
  const Size size = fit_or_source(spec_, shown.width, shown.height);
  if (!(size == size_)) scaler_ = av::Scaler(size.width, size.height);
  av::Frame scaled = scaler_.scale(source);
  if (!encoder_ || !(size == size_) || scaled.bt601() != bt601_)
    open(size, scaled.bt601(), picture.frame_rate);
  if (last_ != kNoTime && pts <= last_) return;
  last_ = pts;
  scaled.set_pts(pts);
  // Half a picture of grace: time stamps wobble.
  const bool key = keyframe_ == kNoTime || pts - keyframe_ >= kKeyframeDistance - 1500;
  if (key) keyframe_ = pts;
  encoder_->send(scaled, key);
  drain();
}

void PictureEncode::open(Size size, bool bt601, Rational frame_rate) {
  close();
  av::VideoEncoding o;
  o.encoder = spec_.encoder;
  o.preset = spec_.preset;
  o.tune = spec_.tune;
  o.profile = spec_.profile;
  o.width = size.width;
  o.height = size.height;
  o.time_base = kPictureBase;
  o.frame_rate = frame_rate.known() ? frame_rate : Rational{30, 1};
  while (o.frame_rate.value() > kMaxFrameRate + 0.5) o.frame_rate.den *= 2;
  o.bit_rate = spec_.bit_rate;
  o.bt601 = bt601;
  o.threads = threads_;
  encoder_ = std::make_unique<av::Encoder>(o);
  size_ = size;
  bt601_ = bt601;
  configured_ = false;
  keyframe_ = kNoTime;
  const std::lock_guard lock(mutex_);
  status_.width = size.width;
  status_.height = size.height;
}

void PictureEncode::close() {
  if (!encoder_) return;
  encoder_->finish();
  drain();
  encoder_.reset();
}

void PictureEncode::drain() {
  while (auto packet = encoder_->receive()) {
    // A new encoder's reordering reaches back behind the last one's.
    if (out_ != kNoTime) packet->dts = std::max(packet->dts, out_ + 1);
    packet->pts = std::max(packet->pts, packet->dts);
    out_ = packet->dts;
    if (packet->key && !configured_) {
      auto mark = std::make_shared<av::Mark>();
      mark->extradata = encoder_->track().extradata;
      packet->mark = std::move(mark);
      configured_ = true;
    }
    {
      const std::lock_guard lock(mutex_);
      ++status_.pictures;
    }
    sink_(std::move(packet));
  }
}

void PictureEncode::failed(const std::string& reason) {
  encoder_.reset();
  log::error("encoding " + spec_.name + ": " + reason + "; the encoder is started again");
  const std::lock_guard lock(mutex_);
  ++status_.failures;
  status_.last_error = reason;
}

PictureEncode::Status PictureEncode::status() const {
  const std::lock_guard lock(mutex_);
  Status status = status_;
  status.dropped = dropped_;
  return status;
}

}  // namespace stream::media

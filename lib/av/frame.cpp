#include "av/frame.h"

#include <cassert>
#include <new>

#include "av/ffmpeg.h"

extern "C" {
#include <libavutil/channel_layout.h>
#include <libavutil/frame.h>
#include <libavutil/imgutils.h>
#include <libavutil/samplefmt.h>
}

namespace stream::av {
namespace {

// What the widest vector instructions want of rows (AVX-512).
constexpr int kAlign = 64;

AVFrame* allocate() {
  AVFrame* frame = av_frame_alloc();
  if (!frame) throw std::bad_alloc();
  return frame;
}

void describe_picture(AVFrame& frame, int width, int height) {
  assert(width > 0 && height > 0 && width % 2 == 0 && height % 2 == 0);
  frame.width = width;
  frame.height = height;
  frame.format = AV_PIX_FMT_YUV420P;
  frame.sample_aspect_ratio = {1, 1};
  frame.color_range = AVCOL_RANGE_MPEG;
  frame.colorspace = AVCOL_SPC_BT709;
  frame.color_primaries = AVCOL_PRI_BT709;
  frame.color_trc = AVCOL_TRC_BT709;
  frame.chroma_location = AVCHROMA_LOC_LEFT;
}

}  // namespace

Frame::Frame(const Frame& other) {
  if (!other.frame_) return;
  frame_ = av_frame_clone(other.frame_);
  if (!frame_) throw std::bad_alloc();
}

Frame::~Frame() {
  av_frame_free(&frame_);
}

Frame Frame::picture(int width, int height) {
  Frame result(allocate());
  describe_picture(*result.frame_, width, height);
  check(av_frame_get_buffer(result.frame_, 0), "av_frame_get_buffer");
  return result;
}

Frame Frame::sound(int sample_rate, int channels, int samples) {
  Frame result(allocate());
  AVFrame& frame = *result.frame_;
  frame.format = AV_SAMPLE_FMT_FLTP;
  frame.sample_rate = sample_rate;
  frame.nb_samples = samples;
  av_channel_layout_default(&frame.ch_layout, channels);
  check(av_frame_get_buffer(&frame, 0), "av_frame_get_buffer");
  av_samples_set_silence(frame.extended_data, 0, samples, channels, AV_SAMPLE_FMT_FLTP);
  return result;
}

int64_t Frame::pts() const noexcept {
  return from_av_time(frame_->pts);
}
void Frame::set_pts(int64_t pts) noexcept {
  frame_->pts = to_av_time(pts);
}
bool Frame::key() const noexcept {
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(58, 7, 100)
  return frame_->flags & AV_FRAME_FLAG_KEY;
#else
  return frame_->key_frame;
#endif
}
bool Frame::interlaced() const noexcept {
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(58, 7, 100)
  return frame_->flags & AV_FRAME_FLAG_INTERLACED;
#else
  return frame_->interlaced_frame;
#endif
}
bool Frame::damaged() const noexcept {
  return frame_->decode_error_flags != 0 || (frame_->flags & AV_FRAME_FLAG_CORRUPT);
}
int Frame::width() const noexcept {
  return frame_->width;
}
int Frame::height() const noexcept {
  return frame_->height;
}
Rational Frame::sample_aspect() const noexcept {
  const AVRational r = frame_->sample_aspect_ratio;
  return r.num > 0 && r.den > 0 ? Rational{r.num, r.den} : Rational{1, 1};
}
bool Frame::bt601() const noexcept {
  return frame_->colorspace == AVCOL_SPC_SMPTE170M || frame_->colorspace == AVCOL_SPC_BT470BG;
}
uint8_t* Frame::plane(int index) const noexcept {
  return frame_->data[index];
}
int Frame::stride(int index) const noexcept {
  return frame_->linesize[index];
}
int Frame::sample_rate() const noexcept {
  return frame_->sample_rate;
}
int Frame::channels() const noexcept {
  return frame_->ch_layout.nb_channels;
}
int Frame::samples() const noexcept {
  return frame_->nb_samples;
}
float* Frame::channel(int index) const noexcept {
  assert(frame_->format == AV_SAMPLE_FMT_FLTP);
  return reinterpret_cast<float*>(frame_->extended_data[index]);
}

PicturePool::PicturePool(int width, int height) : width_(width), height_(height) {
  const int size = check(av_image_get_buffer_size(AV_PIX_FMT_YUV420P, width, height, kAlign),
                         "av_image_get_buffer_size");
  pool_ = av_buffer_pool_init(static_cast<size_t>(size) + 2 * kAlign, nullptr);
  if (!pool_) throw std::bad_alloc();
}

PicturePool::PicturePool(PicturePool&& other) noexcept
    : pool_(other.pool_), width_(other.width_), height_(other.height_) {
  other.pool_ = nullptr;
}

PicturePool& PicturePool::operator=(PicturePool&& other) noexcept {
  std::swap(pool_, other.pool_);
  std::swap(width_, other.width_);
  std::swap(height_, other.height_);
  return *this;
}

PicturePool::~PicturePool() {
  av_buffer_pool_uninit(&pool_);
}

Frame PicturePool::get() {
  Frame result(allocate());
  AVFrame& frame = *result.get();
  describe_picture(frame, width_, height_);
  frame.buf[0] = av_buffer_pool_get(pool_);
  if (!frame.buf[0]) throw std::bad_alloc();
  auto address = reinterpret_cast<uintptr_t>(frame.buf[0]->data);
  address = (address + kAlign - 1) & ~uintptr_t{kAlign - 1};
  check(av_image_fill_arrays(frame.data, frame.linesize, reinterpret_cast<uint8_t*>(address),
                             AV_PIX_FMT_YUV420P, width_, height_, kAlign),
        "av_image_fill_arrays");
  frame.extended_data = frame.data;
  return result;
}

}  // namespace stream::av

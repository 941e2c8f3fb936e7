#include "av/jpeg.h"

#include <algorithm>
#include <cmath>

#include "av/ffmpeg.h"

extern "C" {
#include <libavutil/frame.h>
}

namespace stream::av {
namespace {

struct ContextDeleter {
  void operator()(AVCodecContext* c) const { avcodec_free_context(&c); }
};

uint8_t clip(float value) {
  return static_cast<uint8_t>(std::clamp(std::lround(value), 0L, 255L));
}

// Limited range to full, BT.709 to BT.601 (the difference of the two matrices of BT.709-6 and
// BT.601-7, luma and normalised chroma).
Frame jfif(const Frame& in) {
  Frame out(av_frame_alloc());
  if (!out) throw std::bad_alloc();
  AVFrame& to = *out.get();
  to.width = in.width();
  to.height = in.height();
  to.format = AV_PIX_FMT_YUVJ420P;
  to.color_range = AVCOL_RANGE_JPEG;
  to.pts = 0;
  check(av_frame_get_buffer(&to, 0), "av_frame_get_buffer");
  const bool convert = !in.bt601();
  for (int y = 0; y < to.height; ++y) {
    const uint8_t* luma = in.plane(0) + y * in.stride(0);
    const uint8_t* cb = in.plane(1) + y / 2 * in.stride(1);
    const uint8_t* cr = in.plane(2) + y / 2 * in.stride(2);
    for (int x = 0; x < to.width; ++x) {
      const float b = static_cast<float>(cb[x / 2] - 128) * (255.0F / 224);
      const float r = static_cast<float>(cr[x / 2] - 128) * (255.0F / 224);
      float l = static_cast<float>(luma[x] - 16) * (255.0F / 219);
      if (convert) l += 0.101579F * b + 0.196077F * r;
      to.data[0][y * to.linesize[0] + x] = clip(l);
      if (y % 2 != 0 || x % 2 != 0) continue;
      to.data[1][y / 2 * to.linesize[1] + x / 2] =
          clip(128 + (convert ? 0.989854F * b - 0.110653F * r : b));
      to.data[2][y / 2 * to.linesize[2] + x / 2] =
          clip(128 + (convert ? 0.983398F * r - 0.072453F * b : r));
    }
  }
  return out;
}

}  // namespace

std::vector<uint8_t> encode_jpeg(const Frame& picture, int quality) {
  const AVCodec* codec = avcodec_find_encoder(AV_CODEC_ID_MJPEG);
  if (!codec)
    throw Error(Exit::kUnsupported, "encoder.absent", "this build of FFmpeg has no JPEG encoder");
  const std::unique_ptr<AVCodecContext, ContextDeleter> context(avcodec_alloc_context3(codec));
  if (!context) throw std::bad_alloc();
  context->width = picture.width();
  context->height = picture.height();
  context->pix_fmt = AV_PIX_FMT_YUVJ420P;
  context->color_range = AVCOL_RANGE_JPEG;
  context->time_base = {1, 1};
  context->thread_count = 1;
  context->flags |= AV_CODEC_FLAG_QSCALE;
  context->global_quality = quality * FF_QP2LAMBDA;
  check(avcodec_open2(context.get(), codec, nullptr), "avcodec_open2");
  Frame frame = jfif(picture);
  frame.get()->quality = context->global_quality;
  check(avcodec_send_frame(context.get(), frame.get()), "avcodec_send_frame");
  const PacketHandle packet = make_packet();
  check(avcodec_receive_packet(context.get(), packet.get()), "avcodec_receive_packet");
  return {packet->data, packet->data + packet->size};
}

}  // namespace stream::av

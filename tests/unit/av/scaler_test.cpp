#include "av/scaler.h"

#include <doctest/doctest.h>

#include <cmath>

#include "av/resampler.h"

extern "C" {
#include <libavutil/frame.h>
#include <libavutil/pixfmt.h>
}

using namespace stream;
using namespace stream::av;

namespace {

// A horizontal ramp in luma, flat chroma.
Frame ramp(int width, int height, int format = AV_PIX_FMT_YUV420P) {
  AVFrame* f = av_frame_alloc();
  f->width = width;
  f->height = height;
  f->format = format;
  av_frame_get_buffer(f, 0);
  const bool wide = format == AV_PIX_FMT_YUV420P10LE;
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++) {
      const int value = 16 + 200 * x / width;
      if (wide)
        reinterpret_cast<uint16_t*>(f->data[0] + y * f->linesize[0])[x] =
            static_cast<uint16_t>(value * 4);
      else
        f->data[0][y * f->linesize[0] + x] = static_cast<uint8_t>(value);
    }
  const int planes = format == AV_PIX_FMT_NV12 ? 1 : 2;
  for (int p = 1; p <= planes; p++)
    for (int y = 0; y < height / 2; y++)
      for (int x = 0; x < (format == AV_PIX_FMT_NV12 ? width : width / 2); x++) {
        if (wide)
          reinterpret_cast<uint16_t*>(f->data[p] + y * f->linesize[p])[x] = 512;
        else
          f->data[p][y * f->linesize[p] + x] = 128;
      }
  f->pts = 42;
  return Frame(f);
}

double worst(const Frame& f) {
  double worst = 0;
  for (int x = 4; x < f.width() - 4; x++)
    worst = std::max(worst, std::abs(f.plane(0)[f.stride(0) * (f.height() / 2) + x] -
                                     (16 + 200.0 * (x + 0.5) / f.width())));
  return worst;
}

}  // namespace

TEST_CASE("Scaler") {
  SUBCASE("scales down and keeps time") {
    Scaler scaler(426, 240);
    const Frame out = scaler.scale(ramp(1280, 720));
    CHECK(out.width() == 426);
    CHECK(out.height() == 240);
    CHECK(out.pts() == 42);
    CHECK(worst(out) < 2);
    CHECK(out.plane(1)[0] == 128);
  }
  SUBCASE("a picture that is right already is shared") {
    Scaler scaler(640, 360);
    const Frame in = ramp(640, 360);
    const Frame out = scaler.scale(in);
    CHECK(out.plane(0) == in.plane(0));
    CHECK(out.bt601());  // nothing was said of so small a picture
    CHECK(out.get()->color_range == AVCOL_RANGE_MPEG);
  }
  SUBCASE("takes ten bits and semi-planar chroma") {
    for (int format :
         {static_cast<int>(AV_PIX_FMT_YUV420P10LE), static_cast<int>(AV_PIX_FMT_NV12)}) {
      Scaler scaler(320, 180);
      const Frame out = scaler.scale(ramp(640, 360, format));
      CHECK(worst(out) < 2.5);
      CHECK(std::abs(out.plane(1)[0] - 128) <= 1);
    }
  }
  SUBCASE("full range becomes limited") {
    Scaler scaler(640, 360);
    const Frame in = ramp(640, 360);
    for (int y = 0; y < 360; y++)
      for (int x = 0; x < 640; x++) in.plane(0)[y * in.stride(0) + x] = x < 320 ? 0 : 255;
    in.get()->color_range = AVCOL_RANGE_JPEG;
    const Frame out = scaler.scale(in);
    CHECK(out.plane(0)[0] == 16);
    CHECK(out.plane(0)[600] == 235);
  }
  SUBCASE("the source may change its size at any frame") {
    Scaler scaler(320, 180);
    CHECK(worst(scaler.scale(ramp(640, 360))) < 2);
    CHECK(worst(scaler.scale(ramp(1280, 720))) < 2);
    CHECK(worst(scaler.scale(ramp(640, 360))) < 2);
  }
  SUBCASE("captions stay on the frame") {
    const Frame in = ramp(640, 360);
    av_frame_new_side_data(in.get(), AV_FRAME_DATA_A53_CC, 6);
    Scaler scaler(320, 180);
    const Frame out = scaler.scale(in);
    CHECK(av_frame_get_side_data(out.get(), AV_FRAME_DATA_A53_CC) != nullptr);
  }
}

TEST_CASE("Resampler") {
  SUBCASE("another rate keeps the length") {
    Resampler resampler(48000, 2);
    int made = 0;
    for (int i = 0; i < 100; i++)
      if (const Frame f = resampler.convert(Frame::sound(44100, 1, 1024))) {
        CHECK(f.channels() == 2);
        made += f.samples();
      }
    if (const Frame f = resampler.flush()) made += f.samples();
    CHECK(std::abs(made - 102400 * 480 / 441) < 64);
  }
  SUBCASE("sound that is right already is shared") {
    Resampler resampler(48000, 2);
    const Frame in = Frame::sound(48000, 2, 1024);
    CHECK(resampler.convert(in).channel(0) == in.channel(0));
  }
}

#include "av/resampler.h"

#include "av/ffmpeg.h"

extern "C" {
#include <libavutil/channel_layout.h>
#include <libswresample/swresample.h>
}

namespace stream::av {

struct Resampler::State {
  ~State() {
    swr_free(&context);
    av_channel_layout_uninit(&in_layout);
  }
  int sample_rate = 0, channels = 0;
  SwrContext* context = nullptr;
  AVChannelLayout in_layout{};
  int in_rate = 0, in_format = -1;

  bool fits(const AVFrame& f) const {
    return context && f.sample_rate == in_rate && f.format == in_format &&
           av_channel_layout_compare(&f.ch_layout, &in_layout) == 0;
  }
  void configure(const AVFrame& f);
  Frame run(const uint8_t** data, int samples);
};

void Resampler::State::configure(const AVFrame& f) {
  swr_free(&context);
  av_channel_layout_uninit(&in_layout);
  if (f.ch_layout.order == AV_CHANNEL_ORDER_UNSPEC)
    av_channel_layout_default(&in_layout, f.ch_layout.nb_channels);
  else
    check(av_channel_layout_copy(&in_layout, &f.ch_layout), "av_channel_layout_copy");
  in_rate = f.sample_rate;
  in_format = f.format;
  AVChannelLayout out{};
  av_channel_layout_default(&out, channels);
  int code = swr_alloc_set_opts2(&context, &out, AV_SAMPLE_FMT_FLTP, sample_rate, &in_layout,
                                 static_cast<AVSampleFormat>(in_format), in_rate, 0, nullptr);
  av_channel_layout_uninit(&out);
  if (code >= 0) code = swr_init(context);
  if (code < 0)
    throw Error(Exit::kUnsupported, "sound.format",
                "cannot convert sound of " + std::to_string(in_rate) + " Hz and " +
                    std::to_string(in_layout.nb_channels) + " channels: " + error_text(code));
  // A layout that was not said compares unequal to its stand-in: keep what the frames carry.
  check(av_channel_layout_copy(&in_layout, &f.ch_layout), "av_channel_layout_copy");
}

Frame Resampler::State::run(const uint8_t** data, int samples) {
  const int room = swr_get_out_samples(context, samples);
  if (room <= 0) return Frame();
  Frame out = Frame::sound(sample_rate, channels, room);
  const int made =
      check(swr_convert(context, out.get()->extended_data, room, data, samples), "swr_convert");
  out.get()->nb_samples = made;
  return out;
}

Resampler::Resampler(int sample_rate, int channels) : state_(std::make_unique<State>()) {
  state_->sample_rate = sample_rate;
  state_->channels = channels;
}
Resampler::Resampler(Resampler&&) noexcept = default;
Resampler& Resampler::operator=(Resampler&&) noexcept = default;
Resampler::~Resampler() = default;

Frame Resampler::convert(const Frame& in) {
  AVFrame& f = *in.get();
  if (f.format == AV_SAMPLE_FMT_FLTP && f.sample_rate == state_->sample_rate &&
      f.ch_layout.nb_channels == state_->channels && !state_->context)
    return in;
  if (!state_->fits(f)) state_->configure(f);
  return state_->run(const_cast<const uint8_t**>(f.extended_data), f.nb_samples);
}

Frame Resampler::flush() {
  if (!state_->context) return Frame();
  return state_->run(nullptr, 0);
}

}  // namespace stream::av

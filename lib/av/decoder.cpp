#include "av/decoder.h"

#include <new>

#include "av/ffmpeg.h"

namespace stream::av {

struct Decoder::State {
  ~State() { avcodec_free_context(&context); }
  AVCodecContext* context = nullptr;
  PacketHandle packet = make_packet();
  bool video = false;
  bool need_key_packet = true, need_key_frame = false;
  uint64_t dropped = 0;

  // The rest of the group is of no use without what was lost.
  void damage() {
    dropped++;
    if (video) need_key_packet = need_key_frame = true;
  }
};

Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;
Decoder::~Decoder() = default;

Decoder::Decoder(const Track& track, int threads) : state_(std::make_unique<State>()) {
  AVCodecParameters* parameters = avcodec_parameters_alloc();
  std::unique_ptr<AVCodecParameters, void (*)(AVCodecParameters*)> keep(
      parameters, [](AVCodecParameters* p) { avcodec_parameters_free(&p); });
  to_av(track, *parameters);
  const AVCodec* codec = avcodec_find_decoder(parameters->codec_id);
  if (!codec)
    throw Error(Exit::kUnsupported, "codec.decoder",
                "this build of FFmpeg has no decoder for '" + track.codec + "'");
  state_->context = avcodec_alloc_context3(codec);
  if (!state_->context) throw std::bad_alloc();
  AVCodecContext& context = *state_->context;
  check(avcodec_parameters_to_context(&context, parameters), "avcodec_parameters_to_context");
  context.pkt_timebase = to_av(track.time_base);
  context.thread_count = threads;
  context.thread_type = FF_THREAD_FRAME | FF_THREAD_SLICE;
  if (track.codec == "rawvideo") state_->need_key_packet = false;
  state_->video = track.type == MediaType::kVideo;
  const int code = avcodec_open2(&context, codec, nullptr);
  if (code < 0)
    throw Error(Exit::kUnsupported, "codec.decoder",
                "cannot decode '" + track.codec + "': " + error_text(code));
}

void Decoder::send(const Packet& packet) {
  State& s = *state_;
  if (s.video && s.need_key_packet && !packet.key) {
    s.dropped++;
    return;
  }
  s.need_key_packet = false;
  to_av(packet, *s.packet);
  s.packet->stream_index = 0;
  const int code = avcodec_send_packet(s.context, s.packet.get());
  av_packet_unref(s.packet.get());
  if (code == AVERROR(ENOMEM)) throw std::bad_alloc();  // whoever calls, and on whatever thread
  if (code < 0) s.damage();
}

void Decoder::finish() {
  avcodec_send_packet(state_->context, nullptr);
}

std::optional<Frame> Decoder::receive() {
  State& s = *state_;
  for (;;) {
    Frame frame(av_frame_alloc());
    if (!frame) throw std::bad_alloc();
    const int code = avcodec_receive_frame(s.context, frame.get());
    if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return std::nullopt;
    if (code < 0) {
      check(code == AVERROR(ENOMEM) ? code : 0, "avcodec_receive_frame");
      s.damage();
      continue;
    }
    if (s.video && frame.damaged()) {
      s.damage();
      continue;
    }
    if (s.need_key_frame && !frame.key()) {
      s.dropped++;
      continue;
    }
    s.need_key_frame = false;
    frame.get()->pts = frame.get()->best_effort_timestamp;
    return frame;
  }
}

uint64_t Decoder::dropped() const noexcept {
  return state_->dropped;
}

}  // namespace stream::av

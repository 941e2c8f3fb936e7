#include "av/encoder.h"

#include <algorithm>
#include <cstdlib>

#include "av/ffmpeg.h"

extern "C" {
#include <libavutil/channel_layout.h>
#include <libavutil/hwcontext.h>
#include <libavutil/version.h>
}

namespace stream::av {
namespace {

struct Known {
  const char *name, *codec, *preset;
};
// "Near veryfast": what costs about as much as libx264's veryfast or is the live default.
constexpr Known kKnown[] = {{"libx264", "h264", "veryfast"},
                            {"libx265", "hevc", "ultrafast"},
                            {"libsvtav1", "av1", "10"},
                            {"h264_nvenc", "h264", "p4"},
                            {"h264_vaapi", "h264", ""}};

const Known* known(const std::string& name) {
  for (const Known& k : kKnown)
    if (name == k.name) return &k;
  return nullptr;
}

const AVCodec* find_encoder(const std::string& name) {
  const AVCodec* codec = avcodec_find_encoder_by_name(name.c_str());
  if (codec) return codec;
  std::string there;
  for (const std::string& n : video_encoders()) there += (there.empty() ? "" : ", ") + n;
  throw Error(Exit::kUnsupported, "encoder.absent",
              "this build of FFmpeg has no encoder '" + name + "'", "it has " + there);
}

// What keeps an encoder from holding pictures back, beside max_b_frames 0.
void set_low_delay(const std::string& name, const std::string& tune, Dictionary& d) {
  if (name == "libx264") d.set("tune", tune.empty() ? "zerolatency" : tune + ",zerolatency");
  if (name == "h264_nvenc") {
    d.set("zerolatency", "1");
    d.set("delay", "0");
  }
}

// The encoder's own options. Unknown ones are left in the dictionary and ignored.
void set_private_options(const VideoEncoding& o, const Known& k, Dictionary& d) {
  const std::string preset = o.preset.empty() ? k.preset : o.preset;
  if (!preset.empty()) d.set("preset", preset);
  if (!o.tune.empty()) d.set("tune", o.tune);
  if (!o.profile.empty()) d.set("profile", o.profile);
  d.set("forced-idr", "1");
  const std::string name = k.name;
  if (o.low_delay) set_low_delay(name, o.tune, d);
  const std::string distance = std::to_string(o.keyframe_distance);
  if (name == "libx264") d.set("sc_threshold", "0");
  // A thread of its own for looking ahead pays with many threads only; it holds four more pictures.
  if (name == "libx264") {
    std::string p = o.threads <= 2 ? "sync-lookahead=0" : "";
    if (o.parameter_set_id > 0)
      p += (p.empty() ? "sps-id=" : ":sps-id=") + std::to_string(o.parameter_set_id);
    if (!p.empty()) d.set("x264-params", p);
  }
  if (name == "libx264" && o.headers_in_stream) d.set("aud", "1");
  if (name == "libx265") {
    // frame-threads: with more than one the encoder's share of the cores can't be bounded.
    std::string p = "log-level=error:scenecut=0:open-gop=0:keyint=" + distance +
                    ":min-keyint=1:pools=" + std::to_string(o.threads) + ":frame-threads=1";
    if (o.headers_in_stream) p += ":repeat-headers=1:aud=1";
    if (o.low_delay) p += ":bframes=0:rc-lookahead=0";
    d.set("x265-params", p);
  }
  // SVT-AV1 takes keyframes from outside in constant quality only, with a cap on the rate, and not
  // in its own mode of low delay: groups of four pictures are the least.
  if (name == "libsvtav1")
    d.set("svtav1-params",
          "enable-force-key-frames=1:scd=0:rc=0:crf=32:mbr=" + std::to_string(o.bit_rate / 1000) +
              ":lp=" + std::to_string(std::min(o.threads, 6)) +
              (o.low_delay ? ":hierarchical-levels=2:lookahead=0" : ""));
  if (name == "h264_nvenc") d.set("no-scenecut", "1");
}

}  // namespace

struct Encoder::State {
  ~State() {
    if (context && needs_end && avcodec_is_open(context)) end();
    avcodec_free_context(&context);
  }
  // SVT-AV1 never comes back from closing when it was not told of the end, and the end does not
  // reach its threads when there was no picture before it.
  void end() noexcept;

  AVCodecContext* context = nullptr;
  bool needs_end = false, begun = false, ended = false;
  PacketHandle packet = make_packet();
  Dictionary options;
  Track track;
};

void Encoder::State::end() noexcept {
  if (!begun) {
    AVFrame* blank = av_frame_alloc();
    if (!blank) return;
    blank->format = context->pix_fmt;
    blank->width = context->width;
    blank->height = context->height;
    blank->pts = 0;
    if (av_frame_get_buffer(blank, 0) >= 0) avcodec_send_frame(context, blank);
    av_frame_free(&blank);
  }
  if (!ended) avcodec_send_frame(context, nullptr);
  while (avcodec_receive_packet(context, packet.get()) >= 0) av_packet_unref(packet.get());
}

Encoder::Encoder(Encoder&&) noexcept = default;
Encoder& Encoder::operator=(Encoder&&) noexcept = default;
Encoder::~Encoder() = default;

namespace {

// h264_vaapi takes surfaces: a device, and a pool of NV12 surfaces that send() fills.
void set_up_vaapi(AVCodecContext& context) {
  const auto fail = [](int code) {
    if (code < 0)
      throw Error(Exit::kUnsupported, "encoder.open",
                  "cannot use the encoder 'h264_vaapi': no VA-API device: " + error_text(code),
                  "use encoder=libx264, or see vainfo(1)");
  };
  AVBufferRef* device = nullptr;
  fail(av_hwdevice_ctx_create(&device, AV_HWDEVICE_TYPE_VAAPI, nullptr, nullptr, 0));
  context.hw_frames_ctx = av_hwframe_ctx_alloc(device);
  av_buffer_unref(&device);
  if (!context.hw_frames_ctx) throw std::bad_alloc();
  auto& frames = *reinterpret_cast<AVHWFramesContext*>(context.hw_frames_ctx->data);
  frames.format = AV_PIX_FMT_VAAPI;
  frames.sw_format = AV_PIX_FMT_YUV420P;
  frames.width = context.width;
  frames.height = context.height;
  frames.initial_pool_size = 20;
  fail(av_hwframe_ctx_init(context.hw_frames_ctx));
  context.pix_fmt = AV_PIX_FMT_VAAPI;
}

}  // namespace

Encoder::Encoder(const VideoEncoding& o) : state_(std::make_unique<State>()) {
  const Known* k = known(o.encoder);
  if (!k) {
    std::vector<std::string> names = video_encoders();
    std::string there;
    for (const std::string& n : names) there += (there.empty() ? "" : ", ") + n;
    throw Error(Exit::kUnsupported, "encoder.absent", "no encoder is named '" + o.encoder + "'",
                "there are " + there);
  }
  const AVCodec* codec = find_encoder(o.encoder);
  AVCodecContext* c = state_->context = avcodec_alloc_context3(codec);
  if (!c) throw std::bad_alloc();
  c->width = o.width;
  c->height = o.height;
  c->pix_fmt = AV_PIX_FMT_YUV420P;
  c->sample_aspect_ratio = {1, 1};
  c->time_base = to_av(o.time_base);
  if (o.frame_rate.known()) c->framerate = to_av(o.frame_rate);
  c->bit_rate = o.bit_rate;
  c->rc_max_rate = o.max_rate ? o.max_rate : o.bit_rate;
  c->rc_buffer_size = static_cast<int>(o.buffer ? o.buffer : 2 * o.bit_rate);
  if (o.encoder == "libsvtav1") {
    c->bit_rate = c->rc_max_rate = c->rc_buffer_size = 0;
    setenv("SVT_LOG", "1", 0);  // errors only: its log goes to stderr
    state_->needs_end = true;
  }
  c->gop_size = o.keyframe_distance;
  c->keyint_min = 1;
  if (o.low_delay) c->max_b_frames = 0;
  c->thread_count = o.threads;
  c->color_range = AVCOL_RANGE_MPEG;
  c->colorspace = o.bt601 ? AVCOL_SPC_SMPTE170M : AVCOL_SPC_BT709;
  c->color_primaries = o.bt601 ? AVCOL_PRI_SMPTE170M : AVCOL_PRI_BT709;
  c->color_trc = o.bt601 ? AVCOL_TRC_SMPTE170M : AVCOL_TRC_BT709;
  c->chroma_sample_location = AVCHROMA_LOC_LEFT;
  if (!o.headers_in_stream) c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
  c->flags |= AV_CODEC_FLAG_CLOSED_GOP;
  set_private_options(o, *k, state_->options);
  if (o.encoder == "h264_vaapi") set_up_vaapi(*c);
  open(o.encoder);
  Track& t = state_->track;
  t.type = MediaType::kVideo;
  t.codec = k->codec;
  t.width = o.width;
  t.height = o.height;
  t.frame_rate = o.frame_rate;
}

Encoder::Encoder(const AudioEncoding& o) : state_(std::make_unique<State>()) {
  const AVCodec* codec = avcodec_find_encoder_by_name(o.encoder.c_str());
  if (!codec)
    throw Error(Exit::kUnsupported, "encoder.absent",
                "this build of FFmpeg has no encoder '" + o.encoder + "'");
  AVCodecContext* c = state_->context = avcodec_alloc_context3(codec);
  if (!c) throw std::bad_alloc();
  c->sample_fmt = o.encoder == "libopus" ? AV_SAMPLE_FMT_FLT : AV_SAMPLE_FMT_FLTP;
  c->sample_rate = o.sample_rate;
  c->time_base = {1, o.sample_rate};
  av_channel_layout_default(&c->ch_layout, o.channels);
  c->bit_rate = o.bit_rate;
  c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
  open(o.encoder);
  Track& t = state_->track;
  t.type = MediaType::kAudio;
  t.codec = avcodec_get_name(codec->id);
  t.sample_rate = o.sample_rate;
  t.channels = o.channels;
  t.frame_samples = c->frame_size;
}

void Encoder::open(const std::string& name) {
  AVCodecContext& c = *state_->context;
  const int code = avcodec_open2(&c, c.codec, state_->options.get());
  if (code < 0)
    throw Error(Exit::kUnsupported, "encoder.open",
                "cannot use the encoder '" + name + "': " + error_text(code),
                name == "libx264" ? "check preset, tune and profile" : "use encoder=libx264");
  state_->track.time_base = from_av(c.time_base);
  state_->track.bit_rate = c.bit_rate;
  if (c.extradata_size > 0)
    state_->track.extradata = Buffer::copy({c.extradata, static_cast<size_t>(c.extradata_size)});
}

namespace {

// libopus takes no planar samples.
Frame interleaved(const Frame& frame) {
  Frame out(av_frame_alloc());
  if (!out) throw std::bad_alloc();
  AVFrame& to = *out.get();
  to.format = AV_SAMPLE_FMT_FLT;
  to.nb_samples = frame.samples();
  to.sample_rate = frame.sample_rate();
  check(av_channel_layout_copy(&to.ch_layout, &frame.get()->ch_layout), "av_channel_layout_copy");
  check(av_frame_get_buffer(&to, 0), "av_frame_get_buffer");
  check(av_frame_copy_props(&to, frame.get()), "av_frame_copy_props");
  const int channels = frame.channels();
  auto* samples = reinterpret_cast<float*>(to.data[0]);
  for (int c = 0; c < channels; ++c) {
    const float* from = frame.channel(c);
    for (int i = 0; i < frame.samples(); ++i) samples[i * channels + c] = from[i];
  }
  return out;
}

}  // namespace

void Encoder::send(const Frame& frame, bool keyframe) {
  AVCodecContext& c = *state_->context;
  Frame own(frame);  // shares the samples; the picture type is ours
  if (c.codec_type == AVMEDIA_TYPE_VIDEO) {
    if (c.hw_frames_ctx) {
      Frame surface(av_frame_alloc());
      if (!surface) throw std::bad_alloc();
      check(av_hwframe_get_buffer(c.hw_frames_ctx, surface.get(), 0), "av_hwframe_get_buffer");
      check(av_hwframe_transfer_data(surface.get(), own.get(), 0), "av_hwframe_transfer_data");
      check(av_frame_copy_props(surface.get(), own.get()), "av_frame_copy_props");
      own = std::move(surface);
    }
    own.get()->pict_type = keyframe ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
  } else if (c.sample_fmt == AV_SAMPLE_FMT_FLT) {
    own = interleaved(own);
  }
  state_->begun = true;
  const int code = avcodec_send_frame(&c, own.get());
  if (code < 0)
    throw Error(Exit::kNo, "encoder.failed",
                std::string("the encoder '") + c.codec->name + "' failed: " + error_text(code));
}

void Encoder::finish() {
  if (state_->needs_end && !state_->begun) return;  // end() will
  state_->ended = true;
  avcodec_send_frame(state_->context, nullptr);
}

std::optional<Packet> Encoder::receive() {
  AVCodecContext& c = *state_->context;
  if (state_->needs_end && !state_->begun) return std::nullopt;
  const int code = avcodec_receive_packet(&c, state_->packet.get());
  if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return std::nullopt;
  if (code < 0)
    throw Error(Exit::kNo, "encoder.failed",
                std::string("the encoder '") + c.codec->name + "' failed: " + error_text(code));
  AVPacket& p = *state_->packet;
  // Some encoders know their headers with the first packet only.
  if (state_->track.extradata.empty() && c.extradata_size > 0)
    state_->track.extradata = Buffer::copy({c.extradata, static_cast<size_t>(c.extradata_size)});
  Packet out;
  out.data = share(p);
  out.pts = from_av_time(p.pts);
  out.dts = from_av_time(p.dts);
  out.duration = p.duration;
  out.key = c.codec_type == AVMEDIA_TYPE_AUDIO || (p.flags & AV_PKT_FLAG_KEY);
  av_packet_unref(&p);
  return out;
}

const Track& Encoder::track() const noexcept {
  return state_->track;
}
int Encoder::frame_samples() const noexcept {
  return state_->context->frame_size;
}

std::vector<std::string> video_encoders() {
  std::vector<std::string> names;
  for (const Known& k : kKnown)
    if (avcodec_find_encoder_by_name(k.name)) names.push_back(k.name);
  return names;
}

std::string codec_of_encoder(const std::string& encoder) {
  const Known* k = known(encoder);
  return k ? k->codec : "";
}

}  // namespace stream::av

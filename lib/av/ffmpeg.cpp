#include "av/ffmpeg.h"

#include <algorithm>
#include <cstdarg>
#include <cstring>
#include <new>
#include <string_view>

#include "base/bytes.h"
#include "base/log.h"
#include "base/text.h"

namespace stream::av {
namespace {

MediaType media_type(AVMediaType type) {
  switch (type) {
    case AVMEDIA_TYPE_VIDEO:
      return MediaType::kVideo;
    case AVMEDIA_TYPE_AUDIO:
      return MediaType::kAudio;
    default:
      return MediaType::kData;
  }
}

constexpr uint64_t kMarkId = 0x53545245414d;  // "STREAM"

// What the library says is for debugging only, and URLs in it may hold a key.
void route_log(void* context, int level, const char* format, va_list arguments) {
  if (level > AV_LOG_INFO || !log::enabled(log::Level::kDebug)) return;
  char line[1024];
  int prefix = 1;
  av_log_format_line2(context, level, format, arguments, line, sizeof line, &prefix);
  std::string_view text(line);
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  const size_t url = text.find("://");
  log::debug(std::string(text.substr(0, url)) + (url == std::string_view::npos ? "" : "://..."));
}
const bool g_log_routed = (av_log_set_callback(route_log), true);

void drop_buffer(void* opaque, uint8_t*) {
  delete static_cast<Buffer*>(opaque);
}

}  // namespace

std::string error_text(int code) {
  char text[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(code, text, sizeof text);
  return text;
}

int check(int code, const char* call) {
  if (code < 0)
    throw Error(Exit::kNo, "media.library", std::string(call) + ": " + error_text(code));
  return code;
}

PacketHandle make_packet() {
  PacketHandle packet(av_packet_alloc());
  if (!packet) throw std::bad_alloc();
  return packet;
}

void to_av(const Packet& packet, AVPacket& out) {
  av_packet_unref(&out);
  if (!packet.data.empty()) {
    auto keep = std::make_unique<Buffer>(packet.data);
    auto* data = const_cast<uint8_t*>(packet.data.data());  // read-only by the flag below
    out.buf = av_buffer_create(data, packet.data.size() + Buffer::kPadding, drop_buffer, keep.get(),
                               AV_BUFFER_FLAG_READONLY);
    if (!out.buf) throw std::bad_alloc();
    keep.release();
    out.data = data;
    out.size = static_cast<int>(packet.data.size());
  }
  out.stream_index = packet.track;
  out.pts = to_av_time(packet.pts);
  out.dts = to_av_time(packet.dts);
  out.duration = packet.duration;
  out.flags = packet.key ? AV_PKT_FLAG_KEY : 0;
}

Buffer share(const AVPacket& packet) {
  if (packet.size <= 0) return {};
  if (!packet.buf) return Buffer::copy({packet.data, static_cast<size_t>(packet.size)});
  AVBufferRef* reference = av_buffer_ref(packet.buf);
  if (!reference) throw std::bad_alloc();
  std::shared_ptr<const void> owner(reference, [](AVBufferRef* r) { av_buffer_unref(&r); });
  return Buffer(std::move(owner), packet.data, static_cast<size_t>(packet.size));
}

void to_av(const Track& track, AVCodecParameters& out) {
  const AVCodecDescriptor* codec = avcodec_descriptor_get_by_name(track.codec.c_str());
  if (!codec)
    throw Error(Exit::kUnsupported, "codec.unknown",
                "this build of FFmpeg does not know the codec '" + track.codec + "'");
  out.codec_id = codec->id;
  out.codec_type = codec->type;
  out.bit_rate = track.bit_rate;
  if (!track.extradata.empty()) {
    av_freep(&out.extradata);
    out.extradata =
        static_cast<uint8_t*>(av_mallocz(track.extradata.size() + AV_INPUT_BUFFER_PADDING_SIZE));
    if (!out.extradata) throw std::bad_alloc();
    std::memcpy(out.extradata, track.extradata.data(), track.extradata.size());
    out.extradata_size = static_cast<int>(track.extradata.size());
  }
  if (track.type == MediaType::kVideo) {
    out.width = track.width;
    out.height = track.height;
    out.sample_aspect_ratio = to_av(track.sample_aspect);
    out.video_delay = track.reorder;
    out.format = track.pixel_format;
    if (codec->id == AV_CODEC_ID_RAWVIDEO)
      out.codec_tag = avcodec_pix_fmt_to_codec_tag(static_cast<AVPixelFormat>(track.pixel_format));
  } else if (track.type == MediaType::kAudio) {
    out.sample_rate = track.sample_rate;
    out.frame_size = track.frame_samples;
    av_channel_layout_uninit(&out.ch_layout);
    av_channel_layout_default(&out.ch_layout, track.channels);
  }
}

Track from_av(const AVStream& stream) {
  const AVCodecParameters& p = *stream.codecpar;
  Track track;
  track.type = media_type(p.codec_type);
  track.codec = avcodec_get_name(p.codec_id);
  track.time_base = from_av(stream.time_base);
  track.bit_rate = p.bit_rate;
  if (p.extradata_size > 0)
    track.extradata = Buffer::copy({p.extradata, static_cast<size_t>(p.extradata_size)});
  if (track.type == MediaType::kVideo) {
    track.width = p.width;
    track.height = p.height;
    const AVRational aspect =
        stream.sample_aspect_ratio.num > 0 ? stream.sample_aspect_ratio : p.sample_aspect_ratio;
    if (aspect.num > 0 && aspect.den > 0) track.sample_aspect = from_av(aspect);
    const AVRational rate =
        stream.avg_frame_rate.num > 0 ? stream.avg_frame_rate : stream.r_frame_rate;
    // A rate of the order of the time base is a container's stand-in for "not known".
    if (rate.num > 0 && rate.den > 0 && av_q2d(rate) < 480) track.frame_rate = from_av(rate);
    track.reorder = p.video_delay;
    if (p.codec_id == AV_CODEC_ID_RAWVIDEO) track.pixel_format = p.format;
  } else if (track.type == MediaType::kAudio) {
    track.sample_rate = p.sample_rate;
    track.channels = p.ch_layout.nb_channels;
    track.frame_samples = p.frame_size;
  }
  return track;
}

std::vector<uint8_t> format_mark(const Mark& mark) {
  if (mark.session.empty() && !mark.discontinuity) return {};
  ByteWriter writer;
  writer.u64(kMarkId);
  writer.text(
      "\n");  // FFmpeg 5.1's NUT writer repeats the id in the data: the first line is never read
  if (!mark.session.empty()) writer.text("session=" + mark.session + "\n");
  if (mark.discontinuity) writer.text("discontinuity=1\n");
  return writer.take();
}

void parse_mark(Bytes side_data, Mark& out) {
  ByteReader reader(side_data);
  if (reader.u64() != kMarkId) return;
  std::string_view text = reader.text(reader.remaining());
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.starts_with("session=")) out.session = escaped(line.substr(8), 64);
    if (line == "discontinuity=1") out.discontinuity = true;
  }
}

}  // namespace stream::av

#include "av/output.h"

#include <cstring>
#include <exception>
#include <utility>

#include "av/ffmpeg.h"

namespace stream::av {
namespace {

void add_side_data(AVPacket& packet, AVPacketSideDataType type, Bytes bytes) {
  uint8_t* data = av_packet_new_side_data(&packet, type, bytes.size());
  if (!data) throw std::bad_alloc();
  std::memcpy(data, bytes.data(), bytes.size());
}

void add_mark(AVPacket& packet, const Mark& mark) {
  if (const std::vector<uint8_t> bytes = format_mark(mark); !bytes.empty())
    add_side_data(packet, AV_PKT_DATA_MATROSKA_BLOCKADDITIONAL, bytes);
  if (!mark.extradata.empty()) add_side_data(packet, AV_PKT_DATA_NEW_EXTRADATA, mark.extradata);
}

void set_options(const std::string& format, bool seekable, Dictionary& options) {
  if (format == "nut") {
    options.set("syncpoints", "timestamped");
    options.set("strict", "experimental");
    options.set("write_index", "0");
  } else if (format == "mpegts") {
    options.set("muxdelay", "0");
    options.set("mpegts_copyts", "1");
  } else if ((format == "matroska" || format == "webm") && seekable) {
    options.set("cluster_time_limit", "5000");  // the caller's flush() comes before
  } else if (format == "matroska" || format == "webm") {
    options.set("live", "1");
    options.set("cluster_time_limit", "500");
  } else if (format == "flv") {
    options.set("flvflags", "no_duration_filesize");
  }
}

}  // namespace

struct Output::State {
  Sink sink;
  Seek seek;
  std::exception_ptr failure;  // of the sink, carried over the library's C frames
  AVIOContext* io = nullptr;
  AVFormatContext* context = nullptr;
  PacketHandle packet = make_packet();
  Tracks tracks;
  bool carries_marks = false;

  ~State() {
    if (context) avformat_free_context(context);
    if (io) {
      av_freep(&io->buffer);
      avio_context_free(&io);
    }
  }
  void check_sink() {
    if (failure) std::rethrow_exception(std::exchange(failure, nullptr));
  }
#if LIBAVFORMAT_VERSION_MAJOR >= 61
  using Written = const uint8_t*;
#else
  using Written = uint8_t*;
#endif
  static int write_bytes(void* opaque, Written data, int size) {
    State& state = *static_cast<State*>(opaque);
    try {
      if (!state.failure) state.sink({data, static_cast<size_t>(size)});
    } catch (...) {
      state.failure = std::current_exception();
    }
    return state.failure ? AVERROR(EIO) : size;
  }
  static int64_t seek_to(void* opaque, int64_t offset, int whence) {
    State& state = *static_cast<State*>(opaque);
    if (whence != SEEK_SET || offset < 0) return AVERROR(ENOSYS);  // the size is not asked for
    state.seek(static_cast<uint64_t>(offset));
    return offset;
  }
};

Output::Output(const std::string& format, const Tracks& tracks, Sink sink, Seek seek,
               bool keeps_contract)
    : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.sink = std::move(sink);
  s.seek = std::move(seek);
  s.tracks = tracks;
  s.carries_marks = format == "nut";
  if (avformat_alloc_output_context2(&s.context, nullptr, format.c_str(), nullptr) < 0)
    throw Error(Exit::kUnsupported, "output.format",
                "this build cannot write the format '" + format + "'",
                "use nut, mpegts, matroska or flv");
  auto* buffer = static_cast<uint8_t*>(av_malloc(kIoBufferSize));
  s.io = avio_alloc_context(buffer, kIoBufferSize, 1, &s, nullptr, State::write_bytes,
                            s.seek ? State::seek_to : nullptr);
  if (!s.io) throw std::bad_alloc();
  s.context->pb = s.io;
  s.context->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_FLUSH_PACKETS;
  s.context->avoid_negative_ts = AVFMT_AVOID_NEG_TS_DISABLED;
  s.context->max_delay = 0;
  if (keeps_contract) av_dict_set(&s.context->metadata, kContractTag, "1", 0);
  for (const Track& track : tracks) {
    AVStream* stream = avformat_new_stream(s.context, nullptr);
    if (!stream) throw std::bad_alloc();
    to_av(track, *stream->codecpar);
    stream->time_base = to_av(track.time_base);
    if (track.frame_rate.known())
      stream->avg_frame_rate = stream->r_frame_rate = to_av(track.frame_rate);
    stream->sample_aspect_ratio = to_av(track.sample_aspect);
  }
  Dictionary options;
  set_options(format, s.seek != nullptr, options);
  const int code = avformat_write_header(s.context, options.get());
  s.check_sink();
  if (code < 0) {
    std::string codecs;
    for (const Track& track : tracks) codecs += (codecs.empty() ? "" : " and ") + track.codec;
    throw Error(Exit::kUnsupported, "output.format",
                "cannot write " + codecs + " as " + format + ": " + error_text(code),
                "use the format nut");
  }
  avio_flush(s.io);
  s.check_sink();
}

Output::Output(Output&&) noexcept = default;
Output& Output::operator=(Output&&) noexcept = default;
Output::~Output() = default;

void Output::write(const Packet& packet) {
  State& s = *state_;
  const Track& track = s.tracks.at(static_cast<size_t>(packet.track));
  const AVStream& stream = *s.context->streams[packet.track];
  to_av(packet, *s.packet);
  if (packet.mark && s.carries_marks) add_mark(*s.packet, *packet.mark);
  av_packet_rescale_ts(s.packet.get(), to_av(track.time_base), stream.time_base);
  const int code = av_write_frame(s.context, s.packet.get());
  av_packet_unref(s.packet.get());
  s.check_sink();
  check(code, "av_write_frame");
  avio_flush(s.io);
  s.check_sink();
}

void Output::flush() {
  const int code = av_write_frame(state_->context, nullptr);
  state_->check_sink();
  check(code, "av_write_frame");
  avio_flush(state_->io);
  state_->check_sink();
}

void Output::restart_headers() {
  av_opt_set(state_->context->priv_data, "mpegts_flags", "+resend_headers", 0);
}

void Output::finish() {
  const int code = av_write_trailer(state_->context);
  state_->check_sink();
  check(code, "av_write_trailer");
  avio_flush(state_->io);
  state_->check_sink();
}

}  // namespace stream::av

// Long because what FFmpeg needs to be told and asked when a source is opened stands in one place.
#include "av/input.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "av/ffmpeg.h"
#include "av/reorder.h"
#include "base/text.h"
#include "base/units.h"
#include "base/url.h"
#include "codec/description.h"

namespace stream::av {
namespace {

constexpr int kPipeSize =
    256 << 10;                     // holds a large picture: its writer need not wait in the middle
constexpr int kLittle = 24 << 10;  // of what a socket holds
constexpr int kMaxDamagedReads = 1000;  // in a row, before a source counts as broken
constexpr int kSilentProgram = 64;      // packets of others, before a program counts as dead
constexpr int64_t kTsClockMask = (int64_t{1} << 33) - 1;

struct FormatDeleter {
  void operator()(AVFormatContext* c) const { avformat_close_input(&c); }
};
struct IoDeleter {
  void operator()(AVIOContext* io) const {
    av_freep(&io->buffer);  // the library may have replaced the one it was given
    avio_context_free(&io);
  }
};

// What a URL may open in turn. A playlist that came over the network never reads files or other
// schemes (FFmpeg CVE-2016-1897 and -1898).
std::string allowed_protocols(const std::string& scheme) {
  if (scheme == "http") return "http,https,tls,tcp,crypto";
  if (scheme == "https") return "https,tls,tcp,crypto";
  if (scheme == "rtmp") return "rtmp,tcp";
  if (scheme == "rtmps") return "rtmps,tls,tcp";
  if (scheme == "rtsp") return "rtsp,rtp,udp,tcp";
  return scheme;
}

// What a server or a path to it may do that is better in a while.
bool may_heal(int code) {
  for (const int known : {ECONNREFUSED, ECONNRESET, ECONNABORTED, ETIMEDOUT, EHOSTUNREACH,
                          ENETUNREACH, ENETDOWN, EPIPE, EIO})
    if (code == AVERROR(known)) return true;
  return code == AVERROR_HTTP_SERVER_ERROR || code == AVERROR_EOF;
}

std::string shown(const std::string& spec) {
  const auto url = parse_url(spec);
  return escaped(url ? url->redacted() : spec);
}

// Parameters that FFmpeg would read ahead for; a live reader must not wait for that when the header
// has them.
bool described(const AVStream& stream) {
  const AVCodecParameters& p = *stream.codecpar;
  if (p.codec_type == AVMEDIA_TYPE_VIDEO)
    return p.width > 0 && p.extradata_size > 0 && p.codec_id != AV_CODEC_ID_RAWVIDEO;
  if (p.codec_type == AVMEDIA_TYPE_AUDIO) return p.sample_rate > 0 && p.ch_layout.nb_channels > 0;
  return true;
}

// The marks of stream(7), see mark_side_data in av/ffmpeg.h.
std::shared_ptr<const Mark> read_mark(const AVPacket& packet) {
  if (packet.side_data_elems == 0) return nullptr;
  Mark mark;
  size_t size = 0;
  if (const uint8_t* data =
          av_packet_get_side_data(&packet, AV_PKT_DATA_MATROSKA_BLOCKADDITIONAL, &size))
    parse_mark({data, size}, mark);
  if (const uint8_t* data = av_packet_get_side_data(&packet, AV_PKT_DATA_NEW_EXTRADATA, &size))
    mark.extradata = Buffer::copy({data, size});
  if (mark.session.empty() && !mark.discontinuity && mark.extradata.empty()) return nullptr;
  return std::make_shared<const Mark>(std::move(mark));
}

}  // namespace

Input::Interrupter::Interrupter() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!event_) throw_errno("create", "an event descriptor", errno);
}
Input::Interrupter::~Interrupter() = default;

void Input::Interrupter::interrupt() noexcept {
  interrupted_ = true;
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = ::write(event_.get(), &one, sizeof one);  // full counts as set
}
bool Input::Interrupter::interrupted() const noexcept {
  return interrupted_;
}
bool Input::Interrupter::wait(int fd, std::chrono::milliseconds timeout) {
  pollfd ready[2] = {{event_.get(), POLLIN, 0}, {fd, POLLIN, 0}};  // poll(2) skips negative ones
  const int64_t ms = std::min<int64_t>(timeout.count(), std::numeric_limits<int>::max());
  return ::poll(ready, 2, static_cast<int>(ms)) > 0 && ready[1].revents != 0;
}

struct Input::State {
  std::string name, format;
  os::Fd fd;
  Reader reader;
  bool ended = false;            // what the reader gives
  std::optional<Packet> unsure;  // the last picture then
  bool live = false;             // MPEG-TS whose tables may come late and change
  AVProgram* program = nullptr;
  int silent = 0;  // packets of other programs since the last one of ours
  std::shared_ptr<Interrupter> interrupter;
  std::unique_ptr<AVIOContext, IoDeleter> io;
  std::unique_ptr<AVFormatContext, FormatDeleter> context;  // goes before what it reads from
  PacketHandle packet = make_packet();
  Tracks tracks;
  std::vector<int> index_of;  // stream -> track, -1 for what is left out
  std::vector<Reorder> reorder;
  std::vector<int64_t> next;  // when each track's last packet ends; kNoTime: not known
  int damaged = 0;
  bool network = false;
  MayConnect may_connect;
  std::chrono::milliseconds turn{0};
  Nanoseconds timeout{0}, since = monotonic_now();  // of what is asked of FFmpeg

  ~State() {
    if (fd) interrupter->release(fd.get());
  }
  static int read_fd(void* opaque, uint8_t* data, int size);
  bool may_gather() const;
  static int read_reader(void* opaque, uint8_t* data, int size);
  static int poll_interrupt(void* opaque) {
    const State& state = *static_cast<State*>(opaque);
    return state.interrupter->interrupted() || state.late() ? 1 : 0;
  }
  bool late() const { return timeout.count() > 0 && monotonic_now() - since > timeout; }
  void open(const char* url, const std::string& container, Dictionary& options);
  void add_streams();
  bool has_media(const AVProgram& program) const;
  bool of_our_program();
  void add_track(int stream);
  Packet take();
  Packet take_live();
  std::optional<Packet> next_packet();
};

// Not at the end, and not when a fast source would fill what the socket holds.
bool Input::State::may_gather() const {
  int there = 0;
  return turn.count() > 0 && ::ioctl(fd.get(), FIONREAD, &there) == 0 && there > 0 &&
         there < kLittle;
}

int Input::State::read_fd(void* opaque, uint8_t* data, int size) {
  State& state = *static_cast<State*>(opaque);
  for (;;) {
    const bool readable = state.interrupter->wait(state.fd.get());
    if (state.interrupter->interrupted()) return AVERROR_EXIT;
    if (!readable) continue;
    if (state.may_gather()) state.interrupter->wait(-1, state.turn);
    if (state.interrupter->interrupted()) return AVERROR_EXIT;
    const ssize_t n = ::read(state.fd.get(), data, static_cast<size_t>(size));
    if (n > 0) return static_cast<int>(n);
    if (n == 0) return AVERROR_EOF;
    if (errno != EINTR && errno != EAGAIN) return AVERROR(errno);
  }
}

int Input::State::read_reader(void* opaque, uint8_t* data, int size) {
  State& state = *static_cast<State*>(opaque);
  const size_t n = state.reader({data, static_cast<size_t>(size)});
  if (n > 0) return static_cast<int>(n);
  state.ended = true;
  return state.interrupter->interrupted() ? AVERROR_EXIT : AVERROR_EOF;
}

void Input::State::open(const char* url, const std::string& container, Dictionary& options) {
  AVFormatContext* raw = avformat_alloc_context();
  if (!raw) throw std::bad_alloc();
  raw->interrupt_callback = {poll_interrupt, this};
  if (fd || reader) {
    auto* buffer = static_cast<uint8_t*>(av_malloc(kIoBufferSize));
    io.reset(avio_alloc_context(buffer, kIoBufferSize, 0, this, fd ? read_fd : read_reader, nullptr,
                                nullptr));
    if (!io) throw std::bad_alloc();
    raw->pb = io.get();
    raw->flags |= AVFMT_FLAG_CUSTOM_IO;
  }
  const ConnectGuard guard(may_connect);
  const int opened = avformat_open_input(
      &raw, url, container.empty() ? nullptr : av_find_input_format(container.c_str()),
      options.get());  // frees raw when it fails
  context.reset(opened < 0 ? nullptr : raw);
  const bool complete =
      live || (context && context->nb_streams > 0 &&
               std::all_of(context->streams, context->streams + context->nb_streams,
                           [](const AVStream* s) { return described(*s); }));
  const int found =
      opened < 0 || complete ? opened : avformat_find_stream_info(context.get(), nullptr);
  if (found < 0) {
    if (interrupter->interrupted())
      throw Error(Exit::kTerminated, "input.interrupted", "stopped while opening " + name);
    const std::string reason = late()                         ? "nothing came in time"
                               : found == AVERROR_INVALIDDATA ? "no media format that FFmpeg knows"
                               : found == AVERROR_EOF         ? "it ended before any media came"
                                                              : error_text(found);
    const bool damaged_or_empty = found == AVERROR_EOF || found == AVERROR_INVALIDDATA;
    throw Error(network && (late() || may_heal(found)) ? Exit::kNetwork
                : damaged_or_empty                     ? Exit::kInputDamaged
                                                       : Exit::kNo,
                "input.open", "cannot read " + name + ": " + reason,
                "check it with: ffprobe " + (fd ? std::string("-") : name));
  }
  format = context->iformat->name;
  if (live) return;
  add_streams();
  if (tracks.empty())
    throw Error(Exit::kInputDamaged, "input.open",
                "cannot read " + name + ": no picture and no sound in it",
                "check it with: ffprobe " + (fd ? std::string("-") : name));
}

void Input::State::add_streams() {
  for (unsigned i = static_cast<unsigned>(index_of.size()); i < context->nb_streams; ++i) {
    AVStream& stream = *context->streams[i];
    Track track = from_av(stream);
    const bool cover = stream.disposition & AV_DISPOSITION_ATTACHED_PIC;
    const bool wanted = track.type != MediaType::kData && !cover && tracks.size() < 64;
    index_of.push_back(wanted ? static_cast<int>(tracks.size()) : -1);
    if (!wanted) {
      stream.discard = AVDISCARD_ALL;
      continue;
    }
    // An encoder that told its container nothing has still written it into the parameter sets.
    if (track.reorder == 0 && (track.codec == "h264" || track.codec == "hevc"))
      if (const auto d = codec::describe(track.codec, track.extradata))
        track.reorder = std::max(0, d->reorder_frames);
    reorder.emplace_back(track.reorder, track.frame_rate, track.time_base);
    next.push_back(kNoTime);
    tracks.push_back(std::move(track));
  }
}

// --- live MPEG-TS ----------------------------------------------------------------------------

bool Input::State::has_media(const AVProgram& p) const {
  return std::any_of(p.stream_index, p.stream_index + p.nb_stream_indexes, [this](unsigned i) {
    const AVMediaType type = context->streams[i]->codecpar->codec_type;
    return type == AVMEDIA_TYPE_VIDEO || type == AVMEDIA_TYPE_AUDIO;
  });
}

// Decides on the program as well. The first of the table, so that a source that comes back is the
// same stream, unless it only stands there.
bool Input::State::of_our_program() {
  AVProgram* const sender =
      av_find_program_from_stream(context.get(), nullptr, packet->stream_index);
  if (!program && sender)
    for (unsigned i = 0; i < context->nb_programs && !program; ++i)
      if (has_media(*context->programs[i])) program = context->programs[i];
  if (sender == program) {
    silent = 0;
    return true;
  }
  // Only before the first packet: later it may just pause.
  if (tracks.empty() && sender && ++silent > kSilentProgram) program = sender;
  return sender == program;
}

void Input::State::add_track(int stream) {
  index_of.resize(std::max(index_of.size(), static_cast<size_t>(stream) + 1), -1);
  if (index_of[static_cast<size_t>(stream)] >= 0 || tracks.size() >= 64) return;
  index_of[static_cast<size_t>(stream)] = static_cast<int>(tracks.size());
  tracks.push_back(from_av(*context->streams[stream]));
}

Packet Input::State::take_live() {
  Packet out;
  out.track = index_of[static_cast<size_t>(packet->stream_index)];
  out.data = share(*packet);
  const auto time = [](int64_t t) { return t == AV_NOPTS_VALUE ? kNoTime : t & kTsClockMask; };
  out.dts = time(packet->dts);
  out.pts = time(packet->pts);
  out.duration = packet->duration;
  const bool sound = tracks[static_cast<size_t>(out.track)].type == MediaType::kAudio;
  out.key = sound || (packet->flags & AV_PKT_FLAG_KEY);
  return out;
}

Packet Input::State::take() {
  Packet out;
  out.track = index_of[static_cast<size_t>(packet->stream_index)];
  out.data = share(*packet);
  out.pts = from_av_time(packet->pts);
  out.dts = from_av_time(packet->dts);
  out.duration = packet->duration;
  const Track& track = tracks[static_cast<size_t>(out.track)];
  out.key = (packet->flags & AV_PKT_FLAG_KEY) || track.type == MediaType::kAudio;
  out.mark = read_mark(*packet);
  // Several audio frames in one PES packet of MPEG-TS have one time.
  int64_t& next_time = next[static_cast<size_t>(out.track)];
  if (out.pts == kNoTime && out.dts == kNoTime && track.type == MediaType::kAudio)
    out.dts = next_time;
  if (out.pts == kNoTime) out.pts = out.dts;
  if (out.pts != kNoTime && (out.dts == kNoTime || format == "nut"))
    out.dts = reorder[static_cast<size_t>(out.track)].dts(out.pts);
  int64_t length = out.duration;
  if (length <= 0 && track.sample_rate > 0)
    length = rescale(track.frame_samples, {1, track.sample_rate}, track.time_base);
  next_time = out.dts != kNoTime && length > 0 ? out.dts + length : kNoTime;
  return out;
}

Input Input::open(const std::string& spec, std::shared_ptr<Interrupter> interrupter,
                  const InputOptions& input_options) {
  auto state = std::make_unique<State>();
  state->interrupter = interrupter ? std::move(interrupter) : std::make_shared<Interrupter>();
  state->name = shown(spec);
  const auto url = parse_url(spec);
  state->network = url.has_value() && url->scheme != "file";
  state->timeout = input_options.timeout;
  Dictionary options;
  state->may_connect = input_options.may_connect;
  std::string protocols = url ? allowed_protocols(url->scheme) : "file";
  if (!input_options.protocols.empty()) protocols += "," + input_options.protocols;
  options.set("protocol_whitelist", protocols);
  if (url && (url->scheme == "http" || url->scheme == "https" || url->scheme == "tcp"))
    options.set("rw_timeout", "10000000");  // microseconds
  // The prefix keeps a file called "concat:x" a file.
  state->open(url ? spec.c_str() : ("file:" + spec).c_str(), {}, options);
  return Input(std::move(state));
}

Input Input::from_fd(os::Fd fd, const std::string& name, const std::string& container,
                     std::shared_ptr<Interrupter> interrupter) {
  auto state = std::make_unique<State>();
  state->interrupter = interrupter ? std::move(interrupter) : std::make_shared<Interrupter>();
  state->name = escaped(name);
  state->fd = std::move(fd);
  ::fcntl(state->fd.get(), F_SETPIPE_SZ, kPipeSize);  // where it is a pipe, and that is allowed
  Dictionary options;
  options.set("protocol_whitelist", "pipe");
  state->open(nullptr, container, options);
  return Input(std::move(state));
}

Input Input::from_reader(Reader reader, const std::string& name, const std::string& container,
                         std::shared_ptr<Interrupter> interrupter) {
  auto state = std::make_unique<State>();
  state->interrupter = interrupter ? std::move(interrupter) : std::make_shared<Interrupter>();
  state->name = escaped(name);
  state->reader = std::move(reader);
  Dictionary options;
  options.set("protocol_whitelist", "pipe");
  state->open(nullptr, container, options);
  return Input(std::move(state));
}

Input Input::from_live_ts(Reader reader, const std::string& name,
                          std::shared_ptr<Interrupter> interrupter) {
  auto state = std::make_unique<State>();
  state->interrupter = interrupter ? std::move(interrupter) : std::make_shared<Interrupter>();
  state->name = escaped(name);
  state->reader = std::move(reader);
  state->live = true;
  Dictionary options;
  options.set("protocol_whitelist", "pipe");
  // The demuxer else reads on for the tables before it says a word.
  options.set("probesize", "32");
  state->open(nullptr, "mpegts", options);
  return Input(std::move(state));
}

int Input::left_out_programs() const noexcept {
  const State& s = *state_;
  int others = 0;
  if (s.live)
    for (unsigned i = 0; i < s.context->nb_programs; ++i)
      others += s.context->programs[i] != s.program && s.has_media(*s.context->programs[i]);
  return others;
}

Input::Input(std::unique_ptr<State> state) : state_(std::move(state)) {}
Input::Input(Input&&) noexcept = default;
Input& Input::operator=(Input&&) noexcept = default;
Input::~Input() = default;

void Input::gather(std::chrono::milliseconds turn) {
  state_->turn = turn;
}

const Tracks& Input::tracks() const noexcept {
  return state_->tracks;
}
const std::string& Input::format() const noexcept {
  return state_->format;
}
bool Input::interrupted() const noexcept {
  return state_->interrupter->interrupted();
}
bool Input::keeps_contract() const noexcept {
  return state_->format == "nut" &&
         av_dict_get(state_->context->metadata, kContractTag, nullptr, 0);
}
bool Input::finite() const noexcept {
  const AVFormatContext& context = *state_->context;
  if (!state_->network) return true;
  const bool sized = context.pb && avio_size(context.pb) > 0;  // an answer with its length
  return sized || (context.duration > 0 && context.duration != AV_NOPTS_VALUE);
}
std::shared_ptr<Input::Interrupter> Input::interrupter() const {
  return state_->interrupter;
}

// Live media breaks off in the middle of a picture, and nothing says so: one behind which no other
// began may lack its end, and is left out.
std::optional<Packet> Input::read() {
  State& s = *state_;
  for (;;) {
    auto packet = s.next_packet();
    if (!packet || !s.ended) return packet;
    if (s.tracks[static_cast<size_t>(packet->track)].type != MediaType::kVideo) return packet;
    std::swap(packet, s.unsure);
    if (packet) return packet;
  }
}

std::optional<Packet> Input::State::next_packet() {
  const ConnectGuard guard(may_connect);
  for (;;) {
    av_packet_unref(packet.get());
    since = timeout.count() > 0 ? monotonic_now() : since;
    const int code = av_read_frame(context.get(), packet.get());
    if (code < 0 && !interrupter->interrupted() && late())
      throw Error(Exit::kNetwork, "input.silent",
                  name + " sent nothing for " + to_text(Duration{timeout}));
    if (code == AVERROR_EOF || code == AVERROR_EXIT || interrupter->interrupted())
      return std::nullopt;
    if (code == AVERROR_INVALIDDATA && ++damaged < kMaxDamagedReads) continue;
    if (code == AVERROR(EAGAIN)) continue;
    if (code < 0)
      throw Error(network && may_heal(code) ? Exit::kNetwork : Exit::kInputDamaged, "input.read",
                  "reading " + name + " failed: " + error_text(code), "what came before is kept");
    damaged = 0;
    if (live) {
      const AVMediaType type = context->streams[packet->stream_index]->codecpar->codec_type;
      const bool media = type == AVMEDIA_TYPE_VIDEO || type == AVMEDIA_TYPE_AUDIO;
      if (!media || packet->size == 0 || !of_our_program()) continue;
      add_track(packet->stream_index);
      if (index_of[static_cast<size_t>(packet->stream_index)] >= 0) return take_live();
      continue;
    }
    add_streams();  // MPEG-TS and FLV announce streams late
    if (index_of[static_cast<size_t>(packet->stream_index)] >= 0 && packet->size > 0) return take();
  }
}

}  // namespace stream::av

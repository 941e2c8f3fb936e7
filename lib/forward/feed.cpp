#include "forward/feed.h"

#include <algorithm>

#include "codec/audio.h"
#include "codec/description.h"
#include "codec/nal.h"
#include "rtmp/chunk_reader.h"
#include "rtmp/client_session.h"
#include "rtmp/flv_writer.h"

namespace stream::media {
namespace {

using rtmp::MediaKind;
using rtmp::PacketType;

// A chunk stream per kind: times of one don't disturb the distances of another.
constexpr uint32_t kAudioChunkStream = 4, kDataChunkStream = 5, kVideoChunkStream = 6;
// What newcomers are given at most; less than their queue holds.
constexpr size_t kMaxCacheBytes = 6u << 20;
constexpr int64_t kMaxCacheMs = 6000;

MediaKind kind_of(av::MediaType type) {
  return type == av::MediaType::kVideo ? MediaKind::kVideo : MediaKind::kAudio;
}

int64_t to_ms(int64_t ticks, const av::Track& track, Nanoseconds shift) {
  const int64_t ns = rescale(ticks, track.time_base, kNanosecondBase) + shift.count();
  return (ns >= 0 ? ns : ns - 999'999) / 1'000'000;
}

av::Packet moved(const av::Packet& packet, const av::Track& track, Nanoseconds shift) {
  av::Packet result = packet;
  const int64_t ticks = rescale(shift.count(), kNanosecondBase, track.time_base);
  result.dts += ticks;
  result.pts += ticks;
  return result;
}

// Not everybody downstream follows a configuration message in the middle; all decoders follow what
// is in the stream.
Buffer with_parameter_sets(const std::string& codec, Bytes config, const Buffer& data) {
  if (codec != "h264" && codec != "hevc") return data;
  std::vector<uint8_t> bytes = codec::length_prefixed_parameter_sets(codec, config);
  bytes.insert(bytes.end(), data.begin(), data.end());
  return Buffer::copy(bytes);
}

// ISO/IEC 14496-3 1.A.2.2: syncword, layer 0.
bool is_adts(Bytes data) {
  return data.size() > 7 && data[0] == 0xFF && (data[1] & 0xF6) == 0xF0;
}
size_t adts_size(Bytes data) {
  return (data[1] & 1) != 0 ? 7 : 9;
}
std::vector<uint8_t> adts_config(Bytes data) {
  constexpr int kRates[] = {96000, 88200, 64000, 48000, 44100, 32000, 24000,
                            22050, 16000, 12000, 11025, 8000,  7350};
  const size_t rate = data[2] >> 2 & 15;
  if (rate >= std::size(kRates)) return {};
  return codec::build_audio_specific_config((data[2] >> 6) + 1, kRates[rate],
                                            (data[2] & 1) << 2 | data[3] >> 6);
}

// FFmpeg's numbers: 7 and 10 of FLV, the FourCC otherwise.
double codec_number(MediaKind kind, const std::string& codec) {
  if (codec == "h264") return 7;
  if (codec == "aac") return 10;
  if (codec == "mp3") return 2;
  return rtmp::fourcc_of(kind, codec);
}

}  // namespace

void ForwardFeed::set_tracks(const av::Tracks& tracks) {
  left_out_.clear();
  choose(video_, tracks, av::MediaType::kVideo);
  choose(audio_, tracks, av::MediaType::kAudio);
}

void ForwardFeed::choose(Lane& lane, const av::Tracks& tracks, av::MediaType type) {
  const std::string before = lane.info.codec;
  lane.track = -1;
  for (size_t i = 0; i < tracks.size(); ++i) {
    if (tracks[i].type != type) continue;
    if (lane.track >= 0 || !rtmp::is_sendable(kind_of(type), tracks[i].codec)) {
      left_out_ += (left_out_.empty() ? "" : ", ") + tracks[i].codec;
      continue;
    }
    lane.track = static_cast<int>(i);
    lane.info = tracks[i];
  }
  if (lane.track < 0 || lane.info.codec != before) {
    lane.config = {};
    lane.config_message.reset();
  }
  if (lane.track >= 0) configure(lane, lane.info.extradata);
}

// Not known yet is no error: the first packet may tell.
void ForwardFeed::configure(Lane& lane, const Buffer& extradata) {
  if (extradata.empty()) return;
  const MediaKind kind = kind_of(lane.info.type);
  const std::string& name = lane.info.codec;
  if (!rtmp::has_config(kind, name)) return;
  lane.annexb = (name == "h264" || name == "hevc") && codec::is_annexb(extradata);
  Buffer config = extradata;
  if (name != "aac" && name != "opus") {
    const auto described = codec::describe(name, extradata);
    if (!described) return;
    if (name != "flac") config = Buffer::copy(described->config);
    if (described->width > 0) {
      lane.info.width = described->width;
      lane.info.height = described->height;
    }
  }
  if (config == lane.config) return;
  lane.config = config;
  lane.config_message = opening_message(lane);
}

MessagePtr ForwardFeed::opening_message(const Lane& lane) const {
  const bool video = lane.info.type == av::MediaType::kVideo;
  const rtmp::TagHead head = video ? rtmp::video_head(lane.info.codec, PacketType::kConfig, true, 0)
                                   : rtmp::audio_head(lane.info.codec, PacketType::kConfig);
  ForwardMessage message;
  message.wire = rtmp::make_shared(video ? rtmp::MessageType::kVideo : rtmp::MessageType::kAudio,
                                   video ? kVideoChunkStream : kAudioChunkStream, 0, 0,
                                   kForwardChunkSize, head, lane.config);
  message.video = video;
  message.opening = true;
  message.milliseconds = kNoTime;
  return std::make_shared<const ForwardMessage>(std::move(message));
}

void ForwardFeed::configure_from_packet(Lane& lane, const av::Packet& packet) {
  if (!lane.config.empty()) return;
  if (lane.info.codec == "aac" && is_adts(packet.data)) {
    configure(lane, Buffer::copy(adts_config(packet.data)));
  } else if (lane.info.type == av::MediaType::kVideo && packet.key) {
    const bool nal = lane.info.codec == "h264" || lane.info.codec == "hevc";
    if (nal && !codec::is_annexb(packet.data)) return;
    const auto described = nal ? codec::describe(lane.info.codec, packet.data)
                               : codec::describe_frame(lane.info.codec, packet.data);
    if (!described) return;
    lane.annexb = nal;
    lane.config = Buffer::copy(described->config);
    lane.config_message = opening_message(lane);
  }
}

const std::vector<MessagePtr>& ForwardFeed::push(const av::Packet& packet, Nanoseconds shift) {
  made_.clear();
  const bool video = packet.track == video_.track;
  if (packet.track < 0 || (!video && packet.track != audio_.track)) return made_;
  Lane& lane = video ? video_ : audio_;
  if (packet.mark && !packet.mark->extradata.empty()) configure(lane, packet.mark->extradata);
  configure_from_packet(lane, packet);
  const int64_t ms = to_ms(packet.dts, lane.info, shift);
  const MediaKind kind = kind_of(lane.info.type);
  if (rtmp::has_config(kind, lane.info.codec) && lane.config.empty()) return made_;
  // Once media flows, a change has its place among the packets.
  const bool changed =
      lane.config_message && lane.config_message != lane.told && lane.last_ms.has_value();
  if (changed) {
    const rtmp::TagHead head = video
                                   ? rtmp::video_head(lane.info.codec, PacketType::kConfig, true, 0)
                                   : rtmp::audio_head(lane.info.codec, PacketType::kConfig);
    add(lane, {}, ms, head, lane.config, false, true);
  }
  lane.told = lane.config_message;
  if (video) {
    const int64_t pts = to_ms(packet.pts, lane.info, shift);
    const rtmp::TagHead head = rtmp::video_head(lane.info.codec, PacketType::kFrame, packet.key,
                                                static_cast<int32_t>(pts - ms));
    Buffer data = lane.annexb ? codec::annexb_to_length_prefixed(packet.data) : packet.data;
    if (changed && packet.key) data = with_parameter_sets(lane.info.codec, lane.config, data);
    av::Packet sent = moved(packet, lane.info, shift);
    sent.data = data;
    add(lane, std::move(sent), ms, head, data, packet.key, false);
  } else {
    av::Packet sent = moved(packet, lane.info, shift);
    if (lane.info.codec == "aac" && is_adts(sent.data))
      sent.data = sent.data.slice(adts_size(sent.data));
    const Buffer data = sent.data;
    const rtmp::TagHead head = rtmp::audio_head(lane.info.codec, PacketType::kFrame);
    add(lane, std::move(sent), ms, head, data, !has_video(), false);
  }
  return made_;
}

void ForwardFeed::add(Lane& lane, av::Packet packet, int64_t ms, Bytes head, Bytes body, bool entry,
                      bool opening) {
  if (head.size() + body.size() > rtmp::kMaxChunkSize) return;
  ForwardMessage message;
  message.packet = std::move(packet);
  message.packet.track = &lane == &audio_ && has_video() ? 1 : 0;
  message.video = lane.info.type == av::MediaType::kVideo;
  message.milliseconds = ms;
  message.entry = entry;
  message.opening = opening;
  const uint32_t delta = lane.last_ms ? static_cast<uint32_t>(ms - *lane.last_ms) : 0;
  lane.last_ms = ms;
  message.wire =
      rtmp::make_shared(message.video ? rtmp::MessageType::kVideo : rtmp::MessageType::kAudio,
                        message.video ? kVideoChunkStream : kAudioChunkStream,
                        static_cast<uint32_t>(ms), delta, kForwardChunkSize, head, body);
  made_.push_back(std::make_shared<const ForwardMessage>(std::move(message)));
  remember(made_.back());
}

void ForwardFeed::remember(const MessagePtr& message) {
  if (message->entry && has_video()) {
    cache_.clear();
    cache_bytes_ = 0;
  }
  if (cache_.empty() && !message->entry) return;
  if (!has_video()) cache_.clear();
  cache_.push_back(message);
  cache_bytes_ += message->wire.wire.size();
  const int64_t span = message->milliseconds - cache_.front()->milliseconds;
  if (cache_bytes_ > kMaxCacheBytes || span > kMaxCacheMs) forget();
}

void ForwardFeed::forget() {
  cache_.clear();
  cache_bytes_ = 0;
}

av::Tracks ForwardFeed::tracks() const {
  av::Tracks all;
  for (const Lane* lane : {&video_, &audio_}) {
    if (lane->track < 0) continue;
    all.push_back(lane->info);
    if (!lane->config.empty()) all.back().extradata = lane->config;
  }
  return all;
}

std::vector<MessagePtr> ForwardFeed::opening() const {
  std::vector<MessagePtr> messages = {metadata()};
  for (const Lane* lane : {&video_, &audio_}) {
    if (lane->track < 0 || !rtmp::has_config(kind_of(lane->info.type), lane->info.codec)) continue;
    if (!lane->config_message) return {};
    messages.push_back(lane->config_message);
  }
  return messages;
}

MessagePtr ForwardFeed::metadata() const {
  rtmp::amf0::Object values;
  const auto set = [&values](const char* name, double value) {
    if (value > 0) values.properties.emplace_back(name, value);
  };
  values.properties.emplace_back("duration", 0);
  if (has_video()) {
    set("width", video_.info.width);
    set("height", video_.info.height);
    set("framerate", video_.info.frame_rate.known() ? video_.info.frame_rate.value() : 0);
    set("videodatarate", static_cast<double>(video_.info.bit_rate) / 1000);
    set("videocodecid", codec_number(MediaKind::kVideo, video_.info.codec));
  }
  if (has_audio()) {
    set("audiosamplerate", audio_.info.sample_rate);
    set("audiosamplesize", 16);
    set("audiochannels", audio_.info.channels);
    values.properties.emplace_back("stereo", audio_.info.channels == 2);
    set("audiodatarate", static_cast<double>(audio_.info.bit_rate) / 1000);
    set("audiocodecid", codec_number(MediaKind::kAudio, audio_.info.codec));
  }
  values.properties.emplace_back("encoder", "stream-tools");
  ForwardMessage message;
  message.opening = true;
  message.milliseconds = kNoTime;
  message.wire = rtmp::make_shared(rtmp::MessageType::kData, kDataChunkStream, 0, 0,
                                   kForwardChunkSize, {}, rtmp::metadata_body(std::move(values)));
  return std::make_shared<const ForwardMessage>(std::move(message));
}

std::vector<std::string> ForwardFeed::fourccs() const {
  std::vector<std::string> codes;
  for (const Lane* lane : {&video_, &audio_}) {
    if (lane->track < 0) continue;
    const MediaKind kind = kind_of(lane->info.type);
    if (!rtmp::is_enhanced(kind, lane->info.codec)) continue;
    const uint32_t code = rtmp::fourcc_of(kind, lane->info.codec);
    std::string text;
    for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(code >> shift);
    codes.push_back(text);
  }
  return codes;
}

}  // namespace stream::media

#include "record/exact_cut.h"

#include <algorithm>
#include <utility>

#include "av/decoder.h"
#include "av/scaler.h"
#include "base/bytes.h"
#include "base/error.h"
#include "codec/avc.h"
#include "codec/description.h"
#include "codec/nal.h"

namespace stream::media {

namespace {

constexpr int kOwnParameters = 5;

[[noreturn]] void refuse(const std::string& why) {
  throw Error(Exit::kUnsupported, "record.exact", "cannot cut exactly: " + why,
              "leave --exact out: the cut is then at a keyframe");
}

// An avcC (ISO/IEC 14496-15 5.3.3.1) with the parameter sets of both.
Buffer merged(const Buffer& avcc, const Buffer& own) {
  const auto config = codec::parse_avcc(avcc);
  if (!config || avcc.size() < 7) refuse("the pictures' configuration can't be read");
  auto sps = config->sps, pps = config->pps;
  size_t end = 6 + 1;
  for (const auto* list : {&config->sps, &config->pps}) {
    for (const Bytes unit : *list) end += 2 + unit.size();
  }
  for (const Bytes unit : codec::split_annexb(own)) {
    if ((unit[0] & 31) == 7) sps.push_back(unit);
    if ((unit[0] & 31) == 8) pps.push_back(unit);
  }
  ByteWriter out;
  out.bytes(Bytes(avcc).first(5));
  out.u8(static_cast<uint8_t>(0xe0 | sps.size()));
  for (const auto* list : {&sps, &pps}) {
    if (list == &pps) out.u8(static_cast<uint8_t>(pps.size()));
    for (const Bytes unit : *list) {
      out.u16(static_cast<uint16_t>(unit.size()));
      out.bytes(unit);
    }
  }
  if (end < avcc.size()) out.bytes(Bytes(avcc).subspan(end));
  return Buffer::copy(out.view());
}

}  // namespace

ExactCut::ExactCut(av::Tracks tracks, std::optional<Nanoseconds> from,
                   std::optional<Nanoseconds> to, Nanoseconds start)
    : source_(std::move(tracks)),
      tracks_(source_),
      from_(from.value_or(Nanoseconds::min())),
      to_(to.value_or(Nanoseconds::max())),
      start_(start) {
  const auto video = std::find_if(source_.begin(), source_.end(), [](const av::Track& t) {
    return t.type == av::MediaType::kVideo;
  });
  if (video == source_.end()) refuse("there are no pictures");
  video_ = static_cast<int>(video - source_.begin());
  const auto described = codec::describe(video->codec, video->extradata);
  if (video->codec != "h264" || codec::is_annexb(video->extradata) || !described)
    refuse("that is for H.264 in MP4 and Matroska");
  const bool square = !described->sar.known() || described->sar == Rational{1, 1};
  if (!square || video->width % 2 != 0 || video->height % 2 != 0 || described->interlaced ||
      described->bit_depth > 8)
    refuse("the pictures are not plain: 8 bits, progressive, square pixels, even sizes");
  const int matrix = described->colour.matrix;
  encoding_.width = video->width;
  encoding_.height = video->height;
  encoding_.time_base = video->time_base;
  encoding_.tune = "zerolatency";  // no reordering: the times stay as they are
  encoding_.bt601 = matrix == 5 || matrix == 6 || (matrix == 2 && video->height < 720);
  if (video->frame_rate.known()) encoding_.frame_rate = video->frame_rate;
  // As many bits as pictures of this size take at most; the groups are few.
  encoding_.bit_rate = std::max<int64_t>(2'000'000, int64_t{5} * video->width * video->height);
  encoding_.parameter_set_id = kOwnParameters;
  tracks_[static_cast<size_t>(video_)].extradata =
      merged(video->extradata, av::Encoder(encoding_).track().extradata);
}

Nanoseconds ExactCut::shown(const av::Packet& packet) const {
  return to_time(packet.pts, source_[static_cast<size_t>(packet.track)]) - start_;
}

std::deque<av::Packet> ExactCut::take(av::Packet packet) {
  std::deque<av::Packet> out;
  if (packet.track == video_ && packet.key) {
    out = close_group(shown(packet));
    done_ = shown(packet) >= to_;
  }
  bytes_ += packet.data.size();
  if (bytes_ > kMaxGroupBytes) refuse("there are too few keyframes");
  if (!done_) held_.push_back(std::move(packet));
  return out;
}

// All packets up to the keyframe that is shown at `end`.
std::deque<av::Packet> ExactCut::close_group(Nanoseconds end) {
  std::deque<av::Packet> pictures, out;
  Nanoseconds first = Nanoseconds::max(), last = Nanoseconds::min();
  for (av::Packet& packet : std::exchange(held_, {})) {
    const av::Track& track = source_[static_cast<size_t>(packet.track)];
    const Nanoseconds at = shown(packet), until = at + to_time(packet.duration, track);
    if (packet.track != video_) {
      if (until > from_ && at < to_) out.push_back(std::move(packet));
      continue;
    }
    first = std::min(first, at);
    last = std::max(last, until);
    pictures.push_back(std::move(packet));
  }
  bytes_ = 0;
  last = std::min(last, end);
  if (!pictures.empty() && last > from_ && first < to_) {
    const bool whole = first >= from_ && last <= to_;
    for (av::Packet& packet : whole ? pictures : encode(pictures, from_, to_))
      out.push_back(std::move(packet));
  }
  std::stable_sort(out.begin(), out.end(), [this](const av::Packet& a, const av::Packet& b) {
    return to_time(a.dts, source_[static_cast<size_t>(a.track)]) <
           to_time(b.dts, source_[static_cast<size_t>(b.track)]);
  });
  return out;
}

std::deque<av::Packet> ExactCut::encode(const std::deque<av::Packet>& pictures, Nanoseconds from,
                                        Nanoseconds to) const {
  const av::Track& track = source_[static_cast<size_t>(video_)];
  av::Decoder decoder(track);
  av::Encoder encoder(encoding_);
  av::Scaler scaler(encoding_.width, encoding_.height);
  // Decoding runs as far ahead as in the groups beside this one.
  const int64_t ahead = pictures.front().pts - pictures.front().dts;
  std::deque<av::Packet> out;
  const auto collect = [&] {
    while (auto packet = encoder.receive()) {
      packet->track = video_;
      packet->data = codec::annexb_to_length_prefixed(packet->data);
      packet->dts = packet->pts - ahead;
      packet->duration = pictures.front().duration;
      out.push_back(std::move(*packet));
    }
  };
  bool begun = false;
  const auto receive = [&] {
    while (const auto frame = decoder.receive()) {
      const Nanoseconds at = to_time(frame->pts(), track) - start_;
      if (frame->pts() == kNoTime || at < from || at >= to) continue;
      av::Frame picture = scaler.scale(*frame);
      picture.set_pts(frame->pts());
      encoder.send(picture, !begun);
      begun = true;
      collect();
    }
  };
  for (const av::Packet& packet : pictures) {
    decoder.send(packet);
    receive();
  }
  decoder.finish();
  receive();
  encoder.finish();
  collect();
  return out;
}

}  // namespace stream::media

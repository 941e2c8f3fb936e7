// The inside of lib/av: FFmpeg's headers, its error codes as exceptions, its structs as handles.
// Included by .cpp files of this folder only.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "av/packet.h"
#include "av/track.h"
#include "base/error.h"

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/avutil.h>
#include <libavutil/dict.h>
#include <libavutil/opt.h>
}

namespace stream::av {

inline constexpr int kIoBufferSize = 64 << 10;  // of what FFmpeg reads or writes through us

// In the header of NUT, see Output.
inline constexpr const char* kContractTag = "stream_contract";

std::string error_text(int code);

// Throws Error kNo "media.library" naming the call when `code` is negative; returns it otherwise.
int check(int code, const char* call);

struct PacketDeleter {
  void operator()(AVPacket* p) const { av_packet_free(&p); }
};
using PacketHandle = std::unique_ptr<AVPacket, PacketDeleter>;
PacketHandle make_packet();

// A dictionary that frees itself; set() replaces.
class Dictionary {
 public:
  Dictionary() = default;
  Dictionary(const Dictionary&) = delete;
  ~Dictionary() { av_dict_free(&dictionary_); }
  void set(const char* key, const std::string& value) {
    av_dict_set(&dictionary_, key, value.c_str(), 0);
  }
  AVDictionary** get() { return &dictionary_; }

 private:
  AVDictionary* dictionary_ = nullptr;
};

inline AVRational to_av(Rational r) {
  return {static_cast<int>(r.num), static_cast<int>(r.den)};
}
inline Rational from_av(AVRational r) {
  return r.den == 0 ? Rational{} : Rational{r.num, r.den};
}
inline int64_t to_av_time(int64_t t) {
  return t == kNoTime ? AV_NOPTS_VALUE : t;
}
inline int64_t from_av_time(int64_t t) {
  return t == AV_NOPTS_VALUE ? kNoTime : t;
}

// Shares the bytes both ways: the AVPacket holds a reference to the Buffer and the reverse.
void to_av(const Packet& packet, AVPacket& out);
Buffer share(const AVPacket& packet);

// Throws Error kUnsupported "codec.unknown" for a codec name that this FFmpeg does not know.
void to_av(const Track& track, AVCodecParameters& out);
Track from_av(const AVStream& stream);

// Session and discontinuity as the one kind of free packet side data that FFmpeg's NUT reader gives
// back (it drops string metadata of packets): a block addition, 8 bytes of id, then "key=value\n"
// lines. Empty when neither is set.
std::vector<uint8_t> format_mark(const Mark& mark);
void parse_mark(Bytes side_data, Mark& out);

}  // namespace stream::av

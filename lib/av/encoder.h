// Frames of one track to packets, by whichever encoder of FFmpeg was named. Keyframes stand where
// the caller asks for them, nowhere else. One thread per Encoder; the codec may run its own.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "av/frame.h"
#include "av/packet.h"
#include "av/track.h"

namespace stream::av {

struct VideoEncoding {
  std::string encoder = "libx264";  // of video_encoders()
  std::string preset;               // the encoder's own; empty: veryfast or what comes near it
  std::string tune, profile;        // empty: the encoder's choice
  int width = 0, height = 0;
  Rational time_base{1, 90000};
  Rational frame_rate{30, 1};                      // nominal: levels and rate control start from it
  int64_t bit_rate = 0, max_rate = 0, buffer = 0;  // max_rate, buffer 0: bit_rate, 2 s of it
  int keyframe_distance = 600;                     // frames: a bound for a caller who asks for none
  bool bt601 = false;              // the pictures' matrix, for the stream to say; else BT.709
  int parameter_set_id = 0;        // of libx264's SPS and PPS, beside those of others
  bool headers_in_stream = false;  // Annex B parameter sets before each keyframe (TS)
  bool low_delay = false;          // each picture comes out at once: no B-frames, no looking ahead
  int threads = 1;
};

struct AudioEncoding {
  std::string encoder = "aac";
  int sample_rate = 48000, channels = 2;
  int64_t bit_rate = 128000;
};

class Encoder {
 public:
  // Throws Error kUnsupported "encoder.absent" (with those that are there) or "encoder.open".
  explicit Encoder(const VideoEncoding& options);
  // Frames are planar float at the given rate, frame_samples() long each but the last.
  explicit Encoder(const AudioEncoding& options);
  Encoder(Encoder&&) noexcept;
  Encoder& operator=(Encoder&&) noexcept;
  ~Encoder();

  // After each send(), receive() until nullopt. Times strictly increase, in the time base of
  // track(). Pictures are 8-bit yuv420p of the size that was given. Throws Error kNo
  // "encoder.failed"; the Encoder is of no more use then.
  void send(const Frame& frame, bool keyframe = false);
  void finish();
  std::optional<Packet> receive();

  // What comes out: codec, size, time base (sound: 1/sample_rate), extradata.
  const Track& track() const noexcept;
  int frame_samples() const noexcept;

 private:
  struct State;
  void open(const std::string& name);
  std::unique_ptr<State> state_;
};

// Those of ours that the FFmpeg at hand has: libx264, libx265, libsvtav1, h264_nvenc, h264_vaapi.
// Having a hardware encoder does not mean that the hardware is there.
std::vector<std::string> video_encoders();
// FFmpeg's name of the codec that an encoder makes: "h264", "hevc", "av1"; empty: not one of ours.
std::string codec_of_encoder(const std::string& encoder);

}  // namespace stream::av

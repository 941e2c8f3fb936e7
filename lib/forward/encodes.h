// The encodings of one input that destinations share: pictures are decoded once and encoded once
// per setting, sound is made AAC once. They run on threads of their own, come when they are first
// needed and go when nobody needs them. On the io context's thread.
#pragma once
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "encode/picture_decode.h"
#include "encode/sound_encode.h"
#include "net/offload.h"

namespace stream::media {

class ForwardEncodes {
 public:
  static constexpr int64_t kSoundRate = 128'000;

  // What was made, in order; `picture` is null for sound. Times are on the forwarder's timeline.
  using Handler = std::function<void(const RungSpec* picture, const av::Packet& packet)>;
  // After the packets that were there: they may be sent.
  using Flush = std::function<void()>;
  ForwardEncodes(boost::asio::io_context& io, Handler handler, Flush flush);
  ~ForwardEncodes();
  ForwardEncodes(const ForwardEncodes&) = delete;

  // The source's tracks from here on; null: none.
  void set_source(const av::Track* picture, const av::Track* sound);
  // What is needed from here on; the rest ends.
  void need(const std::vector<RungSpec>& pictures, bool sound);
  void push_picture(const av::Packet& packet, Nanoseconds shift);
  void push_sound(const av::Packet& packet, Nanoseconds shift);
  // What is under way comes out; then `done`.
  void finish(std::function<void()> done);

  // What comes out of a setting, as far as it is known.
  av::Track picture_track(const RungSpec& spec) const;
  av::Track sound_track() const;

  struct Status {
    RungSpec spec;
    PictureEncode::Status encode;
    bool slow = false;  // too many pictures were left out lately
  };
  std::vector<Status> status() const;
  bool encodes_sound() const noexcept { return sound_ != nullptr; }
  // Packets that the decoder was too slow for.
  uint64_t decoder_dropped() const { return decode_ ? decode_->dropped() : 0; }
  // To be called now and then: those that fall behind, or no longer do, since the last look.
  std::vector<Status> look(Nanoseconds now);

 private:
  struct Line {
    RungSpec spec;
    std::shared_ptr<PictureEncode> encode;
    Buffer extradata;  // in force
    uint64_t dropped = 0, counted = 0;
    Nanoseconds counted_from{0};
    std::optional<Nanoseconds> dropped_at;
    bool slow = false;
  };
  struct Outlet;
  void take(const std::shared_ptr<PictureEncode>& from, std::optional<av::Packet> packet);
  void tell_encodes();
  template <typename T>
  void let_go(T doomed);

  const Handler handler_;
  net::Offload offload_;
  std::shared_ptr<Outlet> outlet_;
  std::optional<av::Track> picture_, audio_;  // of the source
  std::unique_ptr<PictureDecode> decode_;
  uint64_t decode_dropped_ = 0;
  std::vector<Line> lines_;
  std::unique_ptr<SoundEncode> sound_;
  std::function<void()> done_;
  size_t unfinished_ = 0;
};

}  // namespace stream::media

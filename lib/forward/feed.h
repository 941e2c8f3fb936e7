// One rendition of the stream as RTMP messages, each made once whatever the number of destinations.
// Keeps what a destination needs to begin: metadata, codec configuration, and the messages from the
// newest keyframe on. On the forwarder's thread.
#pragma once
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "av/packet.h"
#include "av/track.h"
#include "forward/types.h"

namespace stream::media {

class ForwardFeed {
 public:
  // Sends the first picture and the first sound track that RTMP can carry. Codec configuration
  // that differs from before goes out as messages in mid-stream.
  void set_tracks(const av::Tracks& tracks);
  // Messages that `packet` becomes; its time is moved by `shift`.
  const std::vector<MessagePtr>& push(const av::Packet& packet, Nanoseconds shift);

  // Metadata and configuration, to be sent first with time 0. Empty until the configuration of
  // every track is known.
  std::vector<MessagePtr> opening() const;
  const std::deque<MessagePtr>& cache() const noexcept { return cache_; }
  // What the messages' packets are of: the picture first, then sound; those of them that there are.
  av::Tracks tracks() const;
  // Drops what waits for newcomers: the input was lost.
  void forget();

  bool has_video() const noexcept { return video_.track >= 0; }
  bool has_audio() const noexcept { return audio_.track >= 0; }
  // FourCCs that a receiver must know, for Enhanced RTMP.
  std::vector<std::string> fourccs() const;
  // Why a track of the input is left out, for people; empty: none is.
  const std::string& left_out() const noexcept { return left_out_; }

 private:
  struct Lane {
    int track = -1;
    av::Track info;
    Buffer config;                    // as the peer wants it
    bool annexb = false;              // to be packed with lengths
    MessagePtr config_message, told;  // `told` stands before the newest packet
    std::optional<int64_t> last_ms;
  };
  void choose(Lane& lane, const av::Tracks& tracks, av::MediaType type);
  void configure(Lane& lane, const Buffer& extradata);
  void configure_from_packet(Lane& lane, const av::Packet& packet);
  void add(Lane& lane, av::Packet packet, int64_t milliseconds, Bytes head, Bytes body, bool entry,
           bool opening);
  MessagePtr opening_message(const Lane& lane) const;
  MessagePtr metadata() const;
  void remember(const MessagePtr& message);

  Lane video_, audio_;
  std::string left_out_;
  std::vector<MessagePtr> made_;
  std::deque<MessagePtr> cache_;
  size_t cache_bytes_ = 0;
};

}  // namespace stream::media

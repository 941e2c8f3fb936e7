// Decodes one live picture track once for any number of encodings, on a thread of its own. Pushing
// never blocks: when more than kMaxWaiting of media waits, it goes up to the newest keyframe, and
// is counted. A new codec configuration in the middle is followed.
#pragma once
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <variant>
#include <vector>

#include "av/progressive_decoder.h"
#include "encode/picture_encode.h"

namespace stream::media {

class PictureDecode {
 public:
  static constexpr Nanoseconds kMaxWaiting = std::chrono::seconds(2);
  static constexpr size_t kMaxBytes = 32 << 20;

  PictureDecode(const av::Track& track, int threads);
  ~PictureDecode();
  PictureDecode(const PictureDecode&) = delete;

  // Its packets follow.
  void source(const av::Track& track);
  void push(const av::Packet& packet, Nanoseconds shift);
  // Each encoding gets every picture from here on.
  void set_encodes(std::vector<std::shared_ptr<PictureEncode>> encodes);
  // Decodes what waits, and finishes the encodings.
  void finish();

  uint64_t dropped() const;  // packets that came too fast
  uint64_t damaged() const;

 private:
  using Item = std::variant<av::Track, av::Packet>;
  void run();
  void handle(av::Track& track);
  void handle(av::Packet& packet);
  void open();
  void close();
  void receive();
  void shed();

  const int threads_;
  mutable std::mutex mutex_;
  std::condition_variable items_;
  std::deque<Item> queue_;
  size_t bytes_ = 0;
  bool waits_ = false;     // for a keyframe
  bool shedding_ = false;  // because too much waited
  bool finishing_ = false, cancelled_ = false;
  uint64_t dropped_ = 0, damaged_ = 0;
  Rational base_;  // of what is pushed
  std::vector<std::shared_ptr<PictureEncode>> encodes_;

  // Of the thread.
  av::Track track_;
  std::optional<av::ProgressiveDecoder> decoder_;
  std::thread thread_;
};

}  // namespace stream::media

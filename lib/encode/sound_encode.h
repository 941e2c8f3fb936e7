// One live sound track to AAC, on a thread of its own, once for all who need it. Short holes become
// silence; after a jump of more than a second it begins anew there, so that an input that was away
// leaves no burst of silence behind.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <variant>

#include "base/bounded_queue.h"
#include "encode/sound_coder.h"

namespace stream::media {

class SoundEncode {
 public:
  // On the encoder's thread; times in SoundCoder::kSamples. nullopt: finish() is done.
  using Sink = std::function<void(std::optional<av::Packet>)>;
  SoundEncode(const av::Track& track, int64_t bit_rate, Sink sink);
  ~SoundEncode();
  SoundEncode(const SoundEncode&) = delete;

  // Its packets follow.
  void source(const av::Track& track);
  // Never blocks: what does not fit any more is dropped.
  void push(const av::Packet& packet, Nanoseconds shift);
  void finish() { queue_.stop(); }

  const av::Track& track() const noexcept { return track_; }  // what comes out

 private:
  using Item = std::variant<av::Track, av::Packet>;
  void run();
  void handle(av::Track& track);
  void handle(av::Packet& packet);
  void drain();

  const int64_t bit_rate_;
  const Sink sink_;
  std::unique_ptr<SoundCoder> coder_;
  const av::Track track_;
  Rational base_;     // of what is pushed
  av::Track source_;  // of what is decoded
  int64_t out_ = kNoTime;
  BoundedQueue<Item> queue_;
  std::thread thread_;
};

}  // namespace stream::media

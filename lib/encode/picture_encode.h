// One live encoding of a picture: a thread that scales and encodes what it is offered. It keeps
// real time: while kWaiting pictures wait, further ones are left out and counted. Keyframes stand
// every 2 s. An encoder that fails is opened again; a source that changes its size is fitted again.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "av/encoder.h"
#include "av/scaler.h"
#include "base/bounded_queue.h"
#include "encode/rung_spec.h"

namespace stream::media {

// Base of the times that live encodings take and give.
inline constexpr Rational kPictureBase{1, 90000};
inline constexpr int64_t kPictureSecond = 90000;

class PictureEncode {
 public:
  static constexpr size_t kWaiting = 12;
  static constexpr double kKeyframeSeconds = 2;

  // On the encoder's thread. A packet that needs new codec configuration has it in its mark;
  // nullopt: finish() is done.
  using Sink = std::function<void(std::optional<av::Packet>)>;
  PictureEncode(RungSpec spec, int threads, Sink sink);
  ~PictureEncode();  // what waits is let go; may take as long as one picture
  PictureEncode(const PictureEncode&) = delete;

  // Never blocks. The picture's time is in kPictureBase. One thread at a time.
  void offer(const av::Frame& picture, Rational frame_rate);
  void finish() { queue_.stop(); }  // what waits is encoded first

  struct Status {
    int width = 0, height = 0;
    uint64_t pictures = 0, dropped = 0, failures = 0;
    std::string last_error;
  };
  Status status() const;

 private:
  struct Picture {
    av::Frame frame;
    Rational frame_rate;
  };
  void run();
  void encode(const Picture& picture);
  void open(Size size, bool bt601, Rational frame_rate);
  void close();
  void drain();
  void failed(const std::string& reason);

  const RungSpec spec_;
  const int threads_;
  const Sink sink_;
  BoundedQueue<Picture> queue_{kWaiting};
  std::atomic<bool> cancelled_{false};
  std::atomic<uint64_t> dropped_{0};
  int64_t offered_ = kNoTime;

  // Of the thread.
  av::Scaler scaler_{2, 2};
  std::unique_ptr<av::Encoder> encoder_;
  Size size_{};
  bool bt601_ = false, configured_ = false;
  int64_t keyframe_ = kNoTime, last_ = kNoTime, out_ = kNoTime, retry_at_ = kNoTime;

  mutable std::mutex mutex_;
  Status status_;
  std::thread thread_;
};

}  // namespace stream::media

// Looks into media once in a while, on a thread of its own that all streams of the process share:
// decodes a keyframe or a short run of sound and measures it. What it has no time for is left out.
// offer() and the results belong to the io context's thread.
#pragma once
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "av/packet.h"
#include "av/track.h"

namespace stream::media {

struct PictureSample {
  std::vector<uint8_t> luma;  // small, the whole picture; empty: not decoded
  double mean = 0, spread = 0;
};
// Luma of a keyframe; blocks.
PictureSample sample_picture(const av::Track& track, const av::Packet& packet);
// Mean difference of two samples; negative when they can't be compared.
double difference(const PictureSample& a, const PictureSample& b);
// Root mean square of a run of sound packets; negative: not decoded. Blocks.
double sample_sound(const av::Track& track, const std::vector<av::Packet>& packets);

class Sampler {
 public:
  explicit Sampler(boost::asio::io_context& io);
  ~Sampler();
  Sampler(const Sampler&) = delete;

  // `work` runs on the thread and gives what is to be done with its result on the io context's.
  // False: the thread is busy.
  bool offer(std::function<std::function<void()>()> work);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace stream::media

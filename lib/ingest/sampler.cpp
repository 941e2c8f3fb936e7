#include "ingest/sampler.h"

#include <boost/asio/post.hpp>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "av/decoder.h"
#include "av/resampler.h"
#include "av/scaler.h"
#include "base/error.h"

namespace stream::media {
namespace {

constexpr int kWidth = 160, kHeight = 90;
// Of one core: a thread that worked for so long rests nine times as long.
constexpr int kRest = 9;

}  // namespace

PictureSample sample_picture(const av::Track& track, const av::Packet& packet) try {
  PictureSample sample;
  av::Decoder decoder(track);
  decoder.send(packet);
  decoder.finish();
  const auto frame = decoder.receive();
  if (!frame) return sample;
  const av::Frame small = av::Scaler(kWidth, kHeight, av::ScaleFilter::kBilinear).scale(*frame);
  double sum = 0, squares = 0;
  for (int y = 0; y < kHeight; ++y)
    for (int x = 0; x < kWidth; ++x) {
      const uint8_t luma = small.plane(0)[y * small.stride(0) + x];
      sample.luma.push_back(luma);
      sum += luma;
      squares += static_cast<double>(luma) * luma;
    }
  const double count = kWidth * kHeight;
  sample.mean = sum / count;
  sample.spread = std::sqrt(std::max(0.0, squares / count - sample.mean * sample.mean));
  return sample;
} catch (const Error&) {
  return {};
}

double difference(const PictureSample& a, const PictureSample& b) {
  if (a.luma.empty() || a.luma.size() != b.luma.size()) return -1;
  double sum = 0;
  for (size_t i = 0; i < a.luma.size(); ++i) sum += std::abs(a.luma[i] - b.luma[i]);
  return sum / static_cast<double>(a.luma.size());
}

double sample_sound(const av::Track& track, const std::vector<av::Packet>& packets) try {
  av::Decoder decoder(track);
  av::Resampler resampler(48000, 1);
  double squares = 0;
  int64_t count = 0;
  const auto take = [&] {
    while (const auto frame = decoder.receive()) {
      const av::Frame mono = resampler.convert(*frame);
      if (!mono) continue;
      for (int i = 0; i < mono.samples(); ++i)
        squares += static_cast<double>(mono.channel(0)[i]) * mono.channel(0)[i];
      count += mono.samples();
    }
  };
  for (const av::Packet& packet : packets) {
    decoder.send(packet);
    take();
  }
  decoder.finish();
  take();
  return count > 0 ? std::sqrt(squares / static_cast<double>(count)) : -1;
} catch (const Error&) {
  return -1;
}

struct Sampler::State {
  explicit State(boost::asio::io_context& context) : io(context) {}
  boost::asio::io_context& io;
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<std::function<std::function<void()>()>> work;
  bool busy = false, stopped = false;
  std::thread thread;

  void run() {
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(lock, [&] { return stopped || work; });
      if (stopped) return;
      const auto job = std::move(*work);
      work.reset();
      busy = true;
      lock.unlock();
      const auto begin = std::chrono::steady_clock::now();
      auto rest = job();
      boost::asio::post(io, std::move(rest));
      const auto took = std::chrono::steady_clock::now() - begin;
      lock.lock();
      changed.wait_for(lock, took * kRest, [&] { return stopped; });
      busy = false;
    }
  }
};

Sampler::Sampler(boost::asio::io_context& io) : state_(std::make_shared<State>(io)) {}

Sampler::~Sampler() {
  {
    std::lock_guard lock(state_->mutex);
    state_->stopped = true;
  }
  state_->changed.notify_all();
  if (state_->thread.joinable()) state_->thread.join();
}

bool Sampler::offer(std::function<std::function<void()>()> work) {
  std::lock_guard lock(state_->mutex);
  if (state_->busy || state_->work || state_->stopped) return false;
  state_->work = std::move(work);
  if (!state_->thread.joinable()) state_->thread = std::thread([this] { state_->run(); });
  state_->changed.notify_all();
  return true;
}

}  // namespace stream::media

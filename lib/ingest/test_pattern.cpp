#include "ingest/test_pattern.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <numbers>
#include <string>
#include <string_view>

namespace stream::media {
namespace {

constexpr int kSampleRate = 48000;
constexpr double kTone = 1000;           // Hz
constexpr double kFlash = 0.07;          // seconds: two frames at 30 a second
constexpr int kBeep = kSampleRate / 25;  // 40 ms
constexpr uint8_t kWhite = 235, kBlack = 16;

// Digits, colon and full stop, 5 x 7 dots; bit 4 is the left one.
constexpr std::string_view kLetters = "0123456789:.";
constexpr std::array<std::array<uint8_t, 7>, 12> kFont{{
    {14, 17, 19, 21, 25, 17, 14},
    {4, 12, 4, 4, 4, 4, 14},
    {14, 17, 1, 2, 4, 8, 31},
    {31, 2, 4, 2, 1, 17, 14},
    {2, 6, 10, 18, 31, 2, 2},
    {31, 16, 30, 1, 1, 17, 14},
    {6, 8, 16, 30, 17, 17, 14},
    {31, 1, 2, 4, 8, 8, 8},
    {14, 17, 17, 14, 17, 17, 14},
    {14, 17, 17, 15, 1, 2, 12},
    {0, 4, 0, 0, 0, 4, 0},
    {0, 0, 0, 0, 0, 4, 4},
}};

struct Colour {
  uint8_t y, u, v;
};
// The bars of 75 % in BT.709.
constexpr std::array<Colour, 7> kBars{{{180, 128, 128},
                                       {168, 44, 136},
                                       {145, 147, 44},
                                       {133, 63, 52},
                                       {63, 193, 204},
                                       {51, 109, 212},
                                       {28, 212, 120}}};

void fill(av::Frame& f, int x, int y, int w, int h, Colour c) {
  x = std::clamp(x & ~1, 0, f.width());
  w = std::clamp(w & ~1, 0, f.width() - x);
  h = std::clamp(h & ~1, 0, f.height() - (y & ~1));
  y &= ~1;
  for (int row = y; row < y + h; ++row)
    std::memset(f.plane(0) + row * f.stride(0) + x, c.y, static_cast<size_t>(w));
  for (int row = y / 2; row < (y + h) / 2; ++row) {
    std::memset(f.plane(1) + row * f.stride(1) + x / 2, c.u, static_cast<size_t>(w / 2));
    std::memset(f.plane(2) + row * f.stride(2) + x / 2, c.v, static_cast<size_t>(w / 2));
  }
}

void write(av::Frame& f, int x, int y, int dot, std::string_view text) {
  fill(f, x - dot, y - dot, static_cast<int>(text.size()) * 6 * dot + 2 * dot, 9 * dot,
       {kBlack, 128, 128});
  for (const char letter : text) {
    const size_t index = kLetters.find(letter);
    for (int row = 0; index != std::string_view::npos && row < 7; ++row)
      for (int column = 0; column < 5; ++column)
        if (kFont[index][static_cast<size_t>(row)] >> (4 - column) & 1)
          fill(f, x + column * dot, y + row * dot, dot, dot, {kWhite, 128, 128});
    x += 6 * dot;
  }
}

void copy(const av::Frame& from, av::Frame& to) {
  for (int plane = 0; plane < 3; ++plane) {
    const int h = plane ? from.height() / 2 : from.height();
    const int w = plane ? from.width() / 2 : from.width();
    for (int row = 0; row < h; ++row)
      std::memcpy(to.plane(plane) + row * to.stride(plane),
                  from.plane(plane) + row * from.stride(plane), static_cast<size_t>(w));
  }
}

av::VideoEncoding video_encoding(const TestPatternOptions& o) {
  av::VideoEncoding e;
  e.width = o.width;
  e.height = o.height;
  e.frame_rate = o.rate;
  e.time_base = {o.rate.den, o.rate.num};
  const double pixels = static_cast<double>(o.width) * o.height * o.rate.value();
  e.bit_rate =
      o.bit_rate > 0 ? o.bit_rate : std::max<int64_t>(200'000, static_cast<int64_t>(pixels * 0.1));
  return e;
}

int64_t samples_of(Nanoseconds time) {
  return rescale(time.count(), kNanosecondBase, {1, kSampleRate});
}

}  // namespace

TestPattern::TestPattern(const TestPatternOptions& options)
    : options_(options),
      pool_(options.width, options.height),
      background_(av::Frame::picture(options.width, options.height)),
      video_(video_encoding(options)),
      audio_(av::AudioEncoding{"aac", kSampleRate, 2, 128'000}),
      tracks_{video_.track(), audio_.track()} {
  if (options_.duration) {
    total_samples_ = samples_of(*options_.duration);
    total_pictures_ = std::max<int64_t>(1, rescale(options_.duration->count(), kNanosecondBase,
                                                   {options_.rate.den, options_.rate.num}));
  }
  const int w = options_.width, h = options_.height;
  const int bars = static_cast<int>(kBars.size());
  for (int i = 0; i < bars; ++i)
    fill(background_, w * i / bars, 0, w, h * 3 / 4, kBars[static_cast<size_t>(i)]);
  fill(background_, 0, h * 3 / 4, w, h, {60, 128, 128});
}

int64_t TestPattern::picture_time(int64_t number) const {
  return rescale(number, {options_.rate.den, options_.rate.num}, {1, kSampleRate});
}

void TestPattern::draw(av::Frame& f) {
  const int64_t t = picture_time(pictures_);
  const double into_second = static_cast<double>(t % kSampleRate) / kSampleRate;
  if (into_second < kFlash) {
    fill(f, 0, 0, f.width(), f.height(), {kWhite, 128, 128});
    return;
  }
  copy(background_, f);
  const int w = f.width(), h = f.height();
  const int dot = std::max(2, (w / 160) & ~1);
  // A block that crosses the picture each two seconds.
  const int block = h / 8 & ~1;
  const double phase = static_cast<double>(t % (2 * kSampleRate)) / (2 * kSampleRate);
  fill(f, static_cast<int>(phase * (w - block)), h * 13 / 16, block, block, {210, 16, 146});
  const int64_t ms = t * 1000 / kSampleRate;
  char text[32];
  std::snprintf(text, sizeof text, "%02d:%02d:%02d.%03d", static_cast<int>(ms / 3'600'000 % 100),
                static_cast<int>(ms / 60'000 % 60), static_cast<int>(ms / 1000 % 60),
                static_cast<int>(ms % 1000));
  write(f, w / 16, h / 8, dot, text);
  std::snprintf(text, sizeof text, "%08lld", static_cast<long long>(pictures_ % 100'000'000));
  write(f, w / 16, h / 8 + 12 * dot, dot, text);
}

void TestPattern::make_picture() {
  if (pictures_ >= total_pictures_) {
    video_.finish();
    video_ended_ = true;
    return collect();
  }
  av::Frame frame = pool_.get();
  draw(frame);
  frame.set_pts(pictures_);
  // A keyframe with each second flash.
  const int64_t second = 2 * kSampleRate;
  const bool key =
      pictures_ == 0 || picture_time(pictures_) / second != picture_time(pictures_ - 1) / second;
  video_.send(frame, key);
  ++pictures_;
  collect();
}

// The beep begins with the first picture of its second, also where that is not on the second.
void TestPattern::make_sound() {
  const int64_t length = std::min<int64_t>(audio_.frame_samples(), total_samples_ - samples_);
  if (length <= 0) {
    audio_.finish();
    audio_ended_ = true;
    return collect();
  }
  av::Frame frame = av::Frame::sound(kSampleRate, 2, static_cast<int>(length));
  for (int64_t i = 0; i < length; ++i) {
    const int64_t at = samples_ + i;
    const int64_t start = picture_time(static_cast<int64_t>(
        std::ceil(static_cast<double>(at / kSampleRate) * options_.rate.value() - 1e-9)));
    const int64_t into = at - start;
    if (into < 0 || into >= kBeep) continue;
    const auto value =
        static_cast<float>(0.5 * std::sin(2 * std::numbers::pi * kTone * into / kSampleRate));
    frame.channel(0)[i] = frame.channel(1)[i] = value;
  }
  frame.set_pts(samples_);
  audio_.send(frame);
  samples_ += length;
  collect();
}

void TestPattern::collect() {
  while (auto packet = video_.receive()) ready_[0].push_back(std::move(*packet));
  while (auto packet = audio_.receive()) {
    packet->track = 1;
    ready_[1].push_back(std::move(*packet));
  }
}

std::optional<av::Packet> TestPattern::next() {
  while ((ready_[0].empty() && !video_ended_) || (ready_[1].empty() && !audio_ended_)) {
    const bool sound_behind = samples_ < picture_time(pictures_);
    if (!audio_ended_ && (sound_behind || video_ended_))
      make_sound();
    else
      make_picture();
  }
  if (ready_[0].empty() && ready_[1].empty()) return std::nullopt;
  const auto time = [&](int track) {
    return rescale(ready_[track].front().dts, tracks_[static_cast<size_t>(track)].time_base,
                   kNanosecondBase);
  };
  const int track = ready_[0].empty() ? 1 : ready_[1].empty() || time(0) <= time(1) ? 0 : 1;
  av::Packet packet = std::move(ready_[track].front());
  ready_[track].pop_front();
  return packet;
}

}  // namespace stream::media

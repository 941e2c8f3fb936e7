#include "record/thumbnails.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "av/decoder.h"
#include "av/jpeg.h"
#include "av/scaler.h"
#include "base/error.h"
#include "base/log.h"
#include "os/atomic_file.h"

namespace stream::media {

namespace {

constexpr int kPosterWidth = 1280;

int even(double value) {
  return std::max(2, static_cast<int>(value / 2 + 0.5) * 2);
}

std::string stamp(Nanoseconds time) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
  char text[32];
  std::snprintf(text, sizeof text, "%02d:%02d:%02d.%03d", static_cast<int>(ms / 3'600'000),
                static_cast<int>(ms / 60'000 % 60), static_cast<int>(ms / 1000 % 60),
                static_cast<int>(ms % 1000));
  return text;
}

// How the picture is shown, height per width.
double shape(const av::Frame& picture) {
  const Rational sar = picture.sample_aspect();
  const double width = picture.width() * (sar.known() ? sar.value() : 1.0);
  return std::clamp(picture.height() / width, 0.1, 10.0);
}

bool is_dark(const av::Frame& picture) {
  uint64_t sum = 0;
  for (int y = 0; y < picture.height(); ++y) {
    const uint8_t* row = picture.plane(0) + y * picture.stride(0);
    for (int x = 0; x < picture.width(); ++x) sum += row[x];
  }
  return sum < uint64_t{32} * static_cast<uint64_t>(picture.width()) *
                   static_cast<uint64_t>(picture.height());
}

void copy_into(av::Frame& to, int left, int top, const av::Frame& from) {
  for (int plane = 0; plane < 3; ++plane) {
    const int half = plane == 0 ? 1 : 2;
    const auto width = static_cast<size_t>(from.width() / half);
    for (int y = 0; y < from.height() / half; ++y) {
      std::memcpy(to.plane(plane) + (top / half + y) * to.stride(plane) + left / half,
                  from.plane(plane) + y * from.stride(plane), width);
    }
  }
}

void blacken(av::Frame& picture) {
  for (int plane = 0; plane < 3; ++plane) {
    const int rows = plane == 0 ? picture.height() : picture.height() / 2;
    for (int y = 0; y < rows; ++y) {
      std::memset(picture.plane(plane) + y * picture.stride(plane), plane == 0 ? 16 : 128,
                  static_cast<size_t>(picture.stride(plane)));
    }
  }
}

}  // namespace

Thumbnails::Thumbnails(const av::Track& track, std::string stem, Nanoseconds interval)
    : track_(track), stem_(std::move(stem)), interval_(interval), thread_([this] { run(); }) {}

Thumbnails::~Thumbnails() {
  queue_.stop();
  if (thread_.joinable()) thread_.join();
}

void Thumbnails::add(const av::Packet& packet, Nanoseconds time) {
  if (time < next_) return;
  Item item{packet, time};
  if (queue_.try_push(item))
    next_ = std::max(next_ + interval_, time - time % interval_ + interval_);
}

std::optional<Thumbnails::Made> Thumbnails::finish(Nanoseconds duration) {
  queue_.stop();
  if (thread_.joinable()) thread_.join();
  if (cues_.empty()) return std::nullopt;
  try {
    write_sprite();
    write_vtt(duration);
  } catch (const std::exception& error) {
    log::warning(std::string("no thumbnails: ") + error.what());
    return std::nullopt;
  }
  Made made{stem_ + ".jpg", stem_ + ".vtt", {}, interval_};
  for (size_t i = 1; i <= sprites_; ++i)
    made.sprites.push_back(stem_ + "-" + std::to_string(i) + ".jpg");
  return made;
}

void Thumbnails::run() {
  // Of this thread alone, as Linux has it.
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), 10);
  while (const auto item = queue_.pop()) {
    try {
      make(*item);
    } catch (const std::exception& error) {
      log::debug(std::string("no thumbnail: ") + error.what());
    }
  }
}

// A decoder for one picture only, so that no memory is held in between.
void Thumbnails::make(const Item& item) {
  av::Decoder decoder(track_);
  decoder.send(item.packet);
  decoder.finish();
  const auto picture = decoder.receive();
  if (!picture) return;
  if (!good_poster_) write_poster(*picture);
  place(*picture, item.time);
}

void Thumbnails::write_poster(const av::Frame& picture) {
  good_poster_ = !is_dark(picture);
  if (has_poster_ && !good_poster_) return;
  const int width = even(std::min(kPosterWidth, picture.width()));
  av::Scaler scaler(width, even(width * shape(picture)));
  os::write_file(stem_ + ".jpg", Bytes(av::encode_jpeg(scaler.scale(picture))), os::Sync::kNo);
  has_poster_ = true;
}

void Thumbnails::place(const av::Frame& picture, Nanoseconds time) {
  if (tile_height_ == 0) tile_height_ = even(kWidth * shape(picture));
  if (in_sprite_ == kColumns * kRows) {
    write_sprite();
    sprite_ = {};
    in_sprite_ = 0;
  }
  if (!sprite_) {
    sprite_ = av::Frame::picture(kWidth * kColumns, tile_height_ * kRows);
    blacken(sprite_);
    ++sprites_;
  }
  const int x = in_sprite_ % kColumns * kWidth, y = in_sprite_ / kColumns * tile_height_;
  av::Scaler scaler(kWidth, tile_height_);
  const av::Frame small = scaler.scale(picture);
  copy_into(sprite_, x, y, small);
  ++in_sprite_;
  cues_.push_back({time, sprites_, x, y});
  if (in_sprite_ % kColumns == 0) {  // what a crash leaves can be used
    write_sprite();
    write_vtt(time + interval_);
  }
}

void Thumbnails::write_sprite() {
  os::write_file(stem_ + "-" + std::to_string(sprites_) + ".jpg",
                 Bytes(av::encode_jpeg(sprite_, 6)), os::Sync::kNo);
}

void Thumbnails::write_vtt(Nanoseconds end) {
  const std::string name = std::filesystem::path(stem_).filename();
  std::string text = "WEBVTT\n";
  for (size_t i = 0; i < cues_.size(); ++i) {
    const Cue& cue = cues_[i];
    const Nanoseconds until = i + 1 < cues_.size() ? cues_[i + 1].at : std::max(end, cue.at);
    text += "\n" + stamp(i == 0 ? Nanoseconds(0) : cue.at) + " --> " + stamp(until) + "\n" + name +
            "-" + std::to_string(cue.sprite) + ".jpg#xywh=" + std::to_string(cue.x) + "," +
            std::to_string(cue.y) + "," + std::to_string(kWidth) + "," +
            std::to_string(tile_height_) + "\n";
  }
  os::write_file(stem_ + ".vtt", text, os::Sync::kNo);
}

}  // namespace stream::media

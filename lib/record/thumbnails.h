// Preview of one recording file: a poster and a storyboard (sprites of small pictures with a WebVTT
// that says which part shows when), made of keyframes on a thread of its own of low priority. It
// never slows the recording: keyframes that come while four wait are left out.
#pragma once
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "av/frame.h"
#include "av/packet.h"
#include "av/track.h"
#include "base/bounded_queue.h"

namespace stream::media {

class Thumbnails {
 public:
  struct Made {
    std::string poster, vtt;  // paths
    std::vector<std::string> sprites;
    Nanoseconds interval{};
  };

  // STEM.jpg, STEM.vtt and STEM-1.jpg, -2 ... are written; a picture each `interval`.
  Thumbnails(const av::Track& track, std::string stem, Nanoseconds interval);
  ~Thumbnails();

  // A keyframe that is shown at `time` of the file. Never blocks.
  void add(const av::Packet& packet, Nanoseconds time);
  // Writes what is there; nullopt when no picture came out.
  std::optional<Made> finish(Nanoseconds duration);

 private:
  static constexpr int kWidth = 160, kColumns = 10, kRows = 10;
  struct Item {
    av::Packet packet;
    Nanoseconds time;
  };
  struct Cue {
    Nanoseconds at;
    size_t sprite;
    int x, y;
  };
  void run();
  void make(const Item& item);
  void place(const av::Frame& picture, Nanoseconds time);
  void write_poster(const av::Frame& picture);
  void write_sprite();
  void write_vtt(Nanoseconds end);

  const av::Track track_;
  const std::string stem_;
  const Nanoseconds interval_;
  Nanoseconds next_{};  // the recorder's thread
  BoundedQueue<Item> queue_{4};

  // The thread's own; read after it ended.
  av::Frame sprite_;
  int tile_height_ = 0, in_sprite_ = 0;
  size_t sprites_ = 0;
  bool has_poster_ = false, good_poster_ = false;
  std::vector<Cue> cues_;
  std::thread thread_;
};

}  // namespace stream::media

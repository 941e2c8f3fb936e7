// What fills a stream while its source is away: a text, a picture or a film in a loop, encoded once
// to the parameters of the stream's own tracks; silence where there is no sound. Immutable once
// made, so any thread may play it.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "media/conform.h"

namespace stream::media {

struct SlateSource {
  std::string text, file;  // one of them
  av::Frame picture;       // or one that is decoded already
  bool empty() const { return text.empty() && file.empty() && !picture; }
};

class Slate {
 public:
  // Decodes and encodes: takes time. `like` are the stream's tracks; one whose codec can't be
  // encoded here has no packets. `stopped` is asked once in a while. Throws Error: what Input,
  // Decoder and Encoder throw, "slate.codec" when no picture can be made.
  static Slate make(const SlateSource& source, const av::Tracks& like,
                    const std::function<bool()>& stopped = {});

  // One per track of `like`, each to be repeated after its length; no packets: nothing for it.
  const std::vector<Encoded>& loops() const noexcept { return loops_; }
  av::Tracks tracks() const;

 private:
  std::vector<Encoded> loops_;
};

// Plays a slate for ever, in the order of decoding times, from 0 on.
class SlatePlayer {
 public:
  explicit SlatePlayer(const Slate& slate);  // must outlive this
  Nanoseconds next_time() const;             // of the packet that next() gives
  av::Packet next();

 private:
  struct Place {
    size_t packet = 0;
    int64_t begin = 0;  // of this round
  };
  size_t earliest() const;
  Nanoseconds time_of(size_t track) const;

  const Slate& slate_;
  std::vector<Place> places_;
};

}  // namespace stream::media

// A hub's reader as bytes: its packets through a container of its own. Owned by whoever writes the
// bytes somewhere. On the hub's thread.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "av/output.h"
#include "media/hub.h"

namespace stream::media {

class MuxedReader {
 public:
  MuxedReader(Hub& hub, std::string format, OnSlow on_slow, std::function<void()> wake);
  MuxedReader(const MuxedReader&) = delete;

  // Muxes what is queued until `bytes` holds about `enough`. Throws Error kUnsupported when the
  // container can't take the tracks.
  void fill(std::vector<uint8_t>& bytes, size_t enough);
  // All was filled, the trailer too.
  bool finished() const noexcept { return finished_; }
  const HubReader& reader() const noexcept { return *reader_; }

 private:
  std::string format_;
  std::shared_ptr<HubReader> reader_;
  std::optional<av::Output> output_;
  std::vector<uint8_t>* target_ = nullptr;  // during fill()
  bool finished_ = false;
};

}  // namespace stream::media

// What is recorded: an input, or with --follow a bus whose publisher may go away and come back. Its
// times go on over that. One thread reads.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "media/input.h"

namespace stream::record {

class Source {
 public:
  Source(std::string spec, bool follow, std::shared_ptr<av::Input::Interrupter> interrupter);

  const av::Tracks& tracks() const { return input_->tracks(); }
  bool waits_for_reader() const { return input_->waits_for_reader(); }
  media::MediaInput::Item read();

 private:
  void open();
  av::Packet placed(av::Packet packet);

  const std::string spec_;
  const bool follow_;
  const std::shared_ptr<av::Input::Interrupter> interrupter_;
  std::optional<media::MediaInput> input_;
  bool fresh_ = false;         // the input was opened again and gave nothing yet
  std::vector<bool> to_mark_;  // tracks whose first packet after that is a discontinuity
  Nanoseconds offset_{}, end_{};
};

}  // namespace stream::record

#include "source.h"

#include <algorithm>

#include "base/error.h"

namespace stream::record {
namespace {

// Of less than a kill may cost, and a few packets in it: 20 recordings of one stream else spend
// most of their time on being woken.
constexpr std::chrono::milliseconds kTurn{60};

}  // namespace

Source::Source(std::string spec, bool follow, std::shared_ptr<av::Input::Interrupter> interrupter)
    : spec_(std::move(spec)), follow_(follow), interrupter_(std::move(interrupter)) {
  open();
}

void Source::open() {
  media::InputOptions options;
  options.interrupter = interrupter_;
  options.turn = kTurn;
  options.repair = true;
  if (follow_) options.wait = std::chrono::hours(24 * 365);
  input_.reset();
  input_.emplace(spec_, options);
}

media::MediaInput::Item Source::read() {
  media::MediaInput::Item item = input_->read();
  if (auto* packet = std::get_if<av::Packet>(&item)) return placed(std::move(*packet));
  if (!std::holds_alternative<media::MediaInput::End>(item) || !follow_ ||
      interrupter_->interrupted())
    return item;
  try {
    open();
  } catch (const Error&) {
    if (interrupter_->interrupted()) return item;
    throw;
  }
  fresh_ = true;
  to_mark_.assign(input_->tracks().size(), true);
  return media::MediaInput::TracksChanged{};
}

av::Packet Source::placed(av::Packet packet) {
  const Rational base = input_->tracks()[static_cast<size_t>(packet.track)].time_base;
  const Nanoseconds at(rescale(packet.dts, base, kNanosecondBase));
  if (fresh_) offset_ = end_ - std::min(at, Nanoseconds(0));
  fresh_ = false;
  if (const auto track = static_cast<size_t>(packet.track);
      track < to_mark_.size() && to_mark_[track]) {
    av::Mark mark = packet.mark ? *packet.mark : av::Mark();
    mark.discontinuity = true;
    packet.mark = std::make_shared<const av::Mark>(std::move(mark));
    to_mark_[track] = false;
  }
  const int64_t shift = rescale(offset_.count(), kNanosecondBase, base);
  packet.dts += shift;
  packet.pts += shift;
  end_ = std::max(end_, Nanoseconds(rescale(packet.pts + packet.duration, base, kNanosecondBase)));
  return packet;
}

}  // namespace stream::record

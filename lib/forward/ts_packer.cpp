#include "forward/ts_packer.h"

#include <algorithm>

#include "base/error.h"

namespace stream::media {
namespace {

// Reordered pictures stay on the right side of the clock's zero.
constexpr int64_t kLeadMs = 1000;
constexpr int kMostLostInARow = 10;

}  // namespace

void TsPacker::renew() {
  if (changed_ && output_) {
    const av::Tracks now = source_();
    const bool same = std::equal(
        now.begin(), now.end(), tracks_.begin(), tracks_.end(),
        [](const av::Track& a, const av::Track& b) { return a.extradata == b.extradata; });
    if (!same) output_.reset();
  }
  changed_ = false;
  if (output_) return;
  tracks_ = source_();
  lost_in_a_row_.assign(tracks_.size(), 0);
  output_.emplace("mpegts", tracks_, [this](Bytes piece) {
    bytes_->insert(bytes_->end(), piece.begin(), piece.end());
  });
}

void TsPacker::add(const ForwardMessage& message, int64_t offset_ms, std::vector<uint8_t>& bytes) {
  if (message.packet.data.empty()) {
    changed_ = true;
    return;
  }
  bytes_ = &bytes;
  renew();
  const auto track = static_cast<size_t>(message.packet.track);
  if (track >= tracks_.size()) return;
  if (message.video && message.entry) waits_for_key_ = false;
  if (message.video && waits_for_key_) return lost_(true, reason_);
  const size_t whole = bytes.size();
  try {
    write(message, offset_ms);
    lost_in_a_row_[track] = 0;
  } catch (const Error& error) {
    bytes.resize(whole);
    if (++lost_in_a_row_[track] >= kMostLostInARow) throw;
    reason_ = "a packet could not be sent as MPEG-TS: " + std::string(error.what());
    waits_for_key_ |= message.video;
    lost_(message.video, reason_);
  }
}

void TsPacker::write(const ForwardMessage& message, int64_t offset_ms) {
  av::Packet packet = message.packet;
  const Rational base = tracks_[static_cast<size_t>(packet.track)].time_base;
  const int64_t shift = rescale(kLeadMs - offset_ms, {1, 1000}, base);
  packet.dts += shift;
  packet.pts += shift;
  output_->write(packet);
}

}  // namespace stream::media

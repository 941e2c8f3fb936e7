// What a destination says of itself.
#include "forward/destination.h"

namespace stream::media {

using namespace std::chrono_literals;

void ForwardDestination::measure() {
  if (now_ - sample_.at < 1s) return;
  const Sample now{now_, offered_bytes_, sent_before_ + flow_.sent_bytes, queue_.popped_video()};
  const double seconds = std::chrono::duration<double>(now.at - sample_.at).count();
  if (seconds < 3) {
    const auto rate = [&](uint64_t a, uint64_t b) { return static_cast<double>(b - a) / seconds; };
    in_bps_ = 8 * rate(sample_.in, now.in);
    out_bps_ = 8 * rate(sample_.out, now.out);
    frame_rate_ = rate(sample_.frames, now.frames);
  }
  sample_ = now;
}

// What takes less than a quarter of its rate is slow or dead on its own account.
Nanoseconds ForwardDestination::behind() const {
  if (state_ != ForwardState::kLive && state_ != ForwardState::kDegraded) return Nanoseconds(0);
  if (in_bps_ <= 0 || out_bps_ < in_bps_ / 4) return Nanoseconds(0);
  const double on_its_way = 8 * static_cast<double>(flow_.pending_bytes) / in_bps_;
  return std::chrono::milliseconds(queue_.milliseconds()) +
         std::chrono::duration_cast<Nanoseconds>(std::chrono::duration<double>(on_its_way));
}

ForwardStatus ForwardDestination::status(Nanoseconds now) const {
  ForwardStatus status;
  status.name = name_;
  status.state = state_;
  status.since = now - since_;
  status.last_error = last_error_;
  status.health = state_ == ForwardState::kLive       ? "healthy"
                  : state_ == ForwardState::kDegraded ? "degraded"
                  : state_ == ForwardState::kPaused || state_ == ForwardState::kStopped ||
                          state_ == ForwardState::kIdle
                      ? "off"
                      : "failing";
  status.in_bps = in_bps_;
  status.out_bps = out_bps_;
  status.frame_rate = frame_rate_;
  status.queue_bytes = queue_.bytes();
  status.queue_seconds = static_cast<double>(queue_.milliseconds()) / 1000;
  status.dropped_video = queue_.dropped_video() + lost_video_;
  status.dropped_audio = queue_.dropped_audio() + lost_audio_;
  status.thinned_video = thinned_;
  status.sent_bytes = sent_before_ + flow_.sent_bytes;
  status.sent_frames = queue_.popped_video();
  status.reconnects = reconnects_;
  status.rtt_seconds = flow_.rtt_seconds;
  status.retry_at = retry_at_;
  return status;
}

}  // namespace stream::media

#include "ingest/source_thread.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "net/backoff.h"

namespace stream::media {
namespace {

using namespace std::chrono_literals;

constexpr int kPacketsInFlight = 32;  // packets between the source's thread and the hub's
constexpr auto kCongestedPoll = 2ms;
constexpr Nanoseconds kReanchor = 5s;  // a jump of the source's times is not waited for
constexpr auto kFirstPause = 500ms, kLongestPause = 5000ms;

}  // namespace

SourceThread::SourceThread(boost::asio::io_context& io, Hub& hub, Timeline& timeline,
                           const Hub& congested, OpenSource open, Options options, Hooks hooks)
    : io_(io),
      hub_(hub),
      timeline_(timeline),
      congested_hub_(congested),
      open_(std::move(open)),
      options_(options),
      hooks_(std::move(hooks)),
      interrupter_(std::make_shared<av::Input::Interrupter>()),
      congested_timer_(io),
      last_media_(monotonic_now()),
      thread_([this] { run(); }) {}

SourceThread::~SourceThread() {
  *alive_ = false;
  stop();
  thread_.join();
}

void SourceThread::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  room_.notify_all();
  interrupter_->interrupt();
}

// False when it is to stop.
bool SourceThread::wait(Nanoseconds time) {
  std::unique_lock lock(mutex_);
  return !room_.wait_for(lock, time, [&] { return stopping_; });
}

// False when it is to stop. Runs `work` on the hub's thread, some time soon.
bool SourceThread::hand_over(std::function<void()> work) {
  std::unique_lock lock(mutex_);
  room_.wait(lock, [&] { return stopping_ || (in_flight_ < kPacketsInFlight && !congested_); });
  if (stopping_) return false;
  ++in_flight_;
  boost::asio::post(io_, [this, alive = alive_, work = std::move(work)] {
    if (!*alive) return;
    work();
    if (*alive) handled();
  });
  return true;
}

void SourceThread::handled() {
  const bool congested = congested_hub_.congested();
  {
    std::lock_guard lock(mutex_);
    --in_flight_;
    congested_ = congested;
  }
  room_.notify_all();
  if (!congested) return;
  congested_timer_.expires_after(kCongestedPoll);
  congested_timer_.async_wait([this, alive = alive_](boost::system::error_code cancelled) {
    if (cancelled || !*alive) return;
    {
      std::lock_guard lock(mutex_);
      ++in_flight_;
    }
    handled();
  });
}

bool SourceThread::pace(Nanoseconds at) {
  const Nanoseconds now = monotonic_now();
  if (!pace_start_ || std::chrono::abs(at - *pace_last_) > kReanchor) pace_start_ = now - at;
  pace_last_ = at;
  const Nanoseconds due = *pace_start_ + at - now;
  return due <= 0ns ? !interrupter_->interrupted() : wait(due);
}

void SourceThread::read(Source& source) {
  const av::Tracks tracks = source.tracks();
  if (!hand_over([this, tracks] { feed_.emplace(hub_, timeline_, tracks, hooks_.begun()); }))
    return;
  pace_start_.reset();
  std::optional<Nanoseconds> first;
  while (auto packet = source.read()) {
    const int64_t time = packet->dts != kNoTime ? packet->dts : packet->pts;
    if (time != kNoTime) {
      const Rational base = tracks[static_cast<size_t>(packet->track)].time_base;
      const Nanoseconds at(rescale(time, base, kNanosecondBase));
      if (!first) first = at;
      reached_duration_ = options_.duration && at - *first >= *options_.duration;
      if (reached_duration_) return;
      if (options_.realtime && !pace(at)) return;
    }
    last_media_ = monotonic_now();
    was_live_ = true;
    const bool going = hand_over([this, p = std::move(*packet)]() mutable {
      if (static_cast<size_t>(p.track) >= feed_->tracks()) return;  // one that appeared later
      feed_->push(std::move(p));
      hooks_.packet();
    });
    if (!going) return;
  }
}

void SourceThread::run() {
  net::Backoff backoff(kFirstPause, kLongestPause, static_cast<uint32_t>(monotonic_now().count()));
  std::exception_ptr failure;
  for (;;) {
    std::string reason = "it ended";
    bool again = false;
    failure = nullptr;
    try {
      const auto source = open_(interrupter_);
      const Nanoseconds before = last_media_;
      read(*source);
      again = !source->finite() && !reached_duration_;
      if (last_media_ != before) backoff.reset();
    } catch (const Error& error) {
      failure = std::current_exception();
      reason = error.what();
      again = error.code() == Exit::kNetwork || was_live_;
    } catch (...) {
      failure = std::current_exception();
    }
    if (interrupter_->interrupted()) return;
    if (!again || options_.patience <= 0ns || monotonic_now() - last_media_ > options_.patience)
      break;
    const Nanoseconds pause = backoff.next();
    const bool going = hand_over([this, reason, pause] {
      if (feed_) feed_->finish();
      hooks_.lost(reason, pause);
    });
    if (!going || !wait(pause)) return;
  }
  boost::asio::post(io_, [this, alive = alive_, failure] {
    if (!*alive) return;
    if (feed_) feed_->finish();
    hooks_.ended(failure);
  });
}

}  // namespace stream::media

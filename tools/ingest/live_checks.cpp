#include "live_checks.h"

#include <utility>

namespace stream::ingest {
namespace {

using control::Json;
using namespace std::chrono_literals;

constexpr auto kLookAtChecks = 1s;
constexpr Nanoseconds kSample = 5s;

}  // namespace

LiveChecks::LiveChecks(boost::asio::io_context& io, control::Service& service, std::string stream,
                       media::Hub& hub, media::Sampler* sampler)
    : service_(service), stream_(std::move(stream)), hub_(hub), sampler_(sampler), timer_(io) {
  wait();
}

LiveChecks::~LiveChecks() = default;

void LiveChecks::pause(bool paused) {
  if (paused_ != paused) stale_ = true;
  paused_ = paused;
}

void LiveChecks::packet(const av::Packet& packet) {
  if (paused_) return;
  const bool begins = packet.mark && !packet.mark->session.empty();
  if (stale_ || begins || layout_ != hub_.layouts()) {
    checks_ = std::make_shared<media::Checks>(hub_.tracks(), true);
    picker_.emplace(hub_.tracks(), kSample);
    layout_ = hub_.layouts();
    stale_ = false;
  }
  checks_->packet(packet, monotonic_now());
  if (!sampler_) return;
  if (auto job = picker_->packet(packet))
    sampler_->offer(
        [job = std::move(*job), weak = std::weak_ptr(checks_)]() -> std::function<void()> {
          return [apply = job(), weak] {
            if (const auto checks = weak.lock()) apply(*checks);
          };
        });
}

void LiveChecks::wait() {
  timer_.expires_after(kLookAtChecks);
  // Its time may be up before the stream ends and its turn come after that.
  timer_.async_wait([this, alive = std::weak_ptr(alive_)](boost::system::error_code cancelled) {
    if (cancelled || alive.expired()) return;
    tell();
    wait();
  });
}

void LiveChecks::tell() {
  if (!checks_ || paused_) return;
  const auto list = media::check_list();
  for (const auto& result : checks_->results()) {
    if (!result.known || result.failed == told_[result.kind]) continue;
    told_[result.kind] = result.failed;
    const auto& info = list[result.kind];
    service_.events().emit(result.failed ? "check.failed" : "check.passed", stream_,
                           {{"check", info.name},
                            {"value", result.value},
                            {"limit", info.limit},
                            {"unit", info.unit},
                            {"knob", info.knob}});
  }
}

Json LiveChecks::status() const {
  Json failed = Json::array();
  const auto list = media::check_list();
  if (checks_)
    for (const auto& result : checks_->results())
      if (result.failed)
        failed.push_back({{"check", list[result.kind].name}, {"value", result.value}});
  return failed;
}

}  // namespace stream::ingest

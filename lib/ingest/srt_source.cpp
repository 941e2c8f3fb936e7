#include "ingest/srt_source.h"

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <cstring>
#include <utility>

#include "base/bounded_queue.h"
#include "base/error.h"
#include "base/units.h"
#include "net/resolver.h"
#include "srt/caller.h"

namespace stream::media {
namespace {

using namespace std::chrono_literals;

constexpr size_t kReceivedPieces = 4096, kReceivedBytes = 4u << 20;
constexpr auto kLook = 50ms;  // how soon an interruption or the connection's end is seen

// All on the source's thread, which turns an event loop of its own while it waits; what is received
// comes from the engine's thread by the queue.
class SrtSource : public Source {
 public:
  SrtSource(SrtCall call, std::shared_ptr<net::AddressTurns> turns,
            std::shared_ptr<av::Input::Interrupter> interrupter);
  const av::Tracks& tracks() const override { return input_->tracks(); }
  std::optional<av::Packet> read() override;
  bool finite() const override { return false; }

 private:
  void connect();
  size_t fill(std::span<uint8_t> bytes);
  [[noreturn]] void fail(const srt::Failure& failure) const;

  const SrtCall call_;
  const std::shared_ptr<av::Input::Interrupter> interrupter_;
  // Outlives the engine that fills it.
  BoundedQueue<Buffer> queue_{kReceivedPieces, kReceivedBytes};
  boost::asio::io_context io_{1};
  const boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      io_.get_executor()};
  net::Resolver resolver_{io_};
  srt::Engine engine_{io_};
  srt::Caller caller_;
  std::optional<srt::Failure> failure_;
  Buffer piece_;
  Nanoseconds heard_ = monotonic_now();
  std::optional<av::Input> input_;
};

SrtSource::SrtSource(SrtCall call, std::shared_ptr<net::AddressTurns> turns,
                     std::shared_ptr<av::Input::Interrupter> interrupter)
    : call_(std::move(call)),
      interrupter_(std::move(interrupter)),
      caller_(engine_, std::move(turns), call_.settings) {
  connect();
  try {
    input_ = av::Input::from_reader([this](std::span<uint8_t> bytes) { return fill(bytes); },
                                    call_.shown, "mpegts", interrupter_);
  } catch (const Error&) {
    if (failure_) fail(*failure_);
    throw;
  }
}

void SrtSource::connect() {
  std::optional<net::Resolved> resolved;
  resolver_.resolve(call_.host, call_.port, [&](net::Resolved r) { resolved = std::move(r); });
  while (!resolved && !interrupter_->interrupted()) io_.run_one_for(kLook);
  if (!resolved)
    throw Error(Exit::kTerminated, "input.interrupted", "stopped while opening " + call_.shown);
  if (resolved->endpoints.empty())
    throw Error(Exit::kNetwork, "srt.connect",
                "cannot resolve " + call_.host + ": " + resolved->error,
                "check the name in " + call_.shown);
  auto& endpoints = resolved->endpoints;
  const auto endpoint = endpoints.front();
  std::erase_if(endpoints, [this](auto& e) {
    return call_.may_connect && !call_.may_connect(*e.data(), socklen_t(e.size()));
  });
  if (endpoints.empty())
    throw Error(Exit::kNotAllowed, "ingest.pull",
                call_.host + " is the inner address " + endpoint.address().to_string() +
                    ", which is not asked",
                "if it is meant, write the address itself or say --pull-allow " +
                    endpoint.address().to_string());
  srt::Socket::Handlers handlers;
  handlers.received = [this](const Buffer& bytes) {
    Buffer copy = bytes;
    return queue_.try_push(copy, bytes.size());
  };
  handlers.closed = [this](const srt::Failure& failure) { failure_ = failure; };
  caller_.call(endpoints, std::move(handlers));
}

// What the demuxer asks for; what came before the end of the connection counts.
size_t SrtSource::fill(std::span<uint8_t> bytes) {
  while (piece_.empty()) {
    if (interrupter_->interrupted()) return 0;
    if (auto next = queue_.pop_for(kLook)) {
      piece_ = std::move(*next);
      heard_ = monotonic_now();
      break;
    }
    if (failure_) return 0;
    io_.poll();
    if (call_.silence > 0ns && monotonic_now() - heard_ > call_.silence)
      failure_ = srt::Failure{srt::Failure::Kind::kBroken, 0, false, false,
                              "it sent nothing for " + to_text(Duration{call_.silence})};
  }
  const size_t n = std::min(bytes.size(), piece_.size());
  std::memcpy(bytes.data(), piece_.data(), n);
  piece_ = piece_.slice(n);
  return n;
}

std::optional<av::Packet> SrtSource::read() {
  auto packet = input_->read();
  const bool ended = failure_ && failure_->kind == srt::Failure::Kind::kClosed;
  if (!packet && failure_ && !ended) fail(*failure_);
  return packet;
}

void SrtSource::fail(const srt::Failure& failure) const {
  const bool forever = failure.permanent;
  throw Error(forever ? Exit::kRefused : Exit::kNetwork, "srt.connect",
              "cannot receive from " + call_.shown + ": " + failure.reason,
              forever
                  ? "check the passphrase and the streamid of the address"
                  : "is something sending there? It is to listen, or to call as rendezvous too");
}

}  // namespace

OpenSource srt_source(SrtCall call) {
  return [call = std::move(call), turns = std::make_shared<net::AddressTurns>()](auto interrupter) {
    return std::make_unique<SrtSource>(call, turns, std::move(interrupter));
  };
}

}  // namespace stream::media

// Checks what a live stream carries while it runs: what goes beyond a limit, and what is well
// again, become events. Decoding is left to the Sampler that all streams share. On the io thread.
#pragma once
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <string>

#include "control/service.h"
#include "ingest/sample_picker.h"
#include "media/hub.h"

namespace stream::ingest {

class LiveChecks {
 public:
  // `hub` must outlive this; `sampler` null: nothing is decoded.
  LiveChecks(boost::asio::io_context& io, control::Service& service, std::string stream,
             media::Hub& hub, media::Sampler* sampler);
  ~LiveChecks();
  LiveChecks(const LiveChecks&) = delete;

  // The hub's next one.
  void packet(const av::Packet& packet);
  // While a slate is on air nothing is checked; what comes then is judged afresh.
  void pause(bool paused);
  control::Json status() const;

 private:
  void wait();
  void tell();

  control::Service& service_;
  std::string stream_;
  media::Hub& hub_;
  media::Sampler* sampler_;
  boost::asio::steady_timer timer_;
  bool paused_ = false, stale_ = true;
  size_t layout_ = 0;
  std::shared_ptr<media::Checks> checks_;
  std::optional<media::SamplePicker> picker_;
  std::array<bool, media::Checks::kCount> told_{};
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace stream::ingest

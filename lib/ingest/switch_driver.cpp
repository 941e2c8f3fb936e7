#include "ingest/switch_driver.h"

#include <boost/asio/post.hpp>
#include <utility>

#include "base/error.h"

namespace stream::media {

SwitchDriver::SwitchDriver(boost::asio::io_context& io, Switcher& switcher, SlateSource slate,
                           std::function<void(const std::string&)> notice)
    : io_(io),
      switcher_(switcher),
      slate_(std::move(slate)),
      notice_(std::move(notice)),
      timer_(io) {
  wait();
}

SwitchDriver::~SwitchDriver() {
  *stopped_ = true;
  if (worker_.joinable()) worker_.join();
}

void SwitchDriver::poke() {
  switcher_.tick();
  wait();
}

void SwitchDriver::wait() {
  timer_.expires_after(
      std::chrono::duration_cast<std::chrono::milliseconds>(switcher_.next_tick()));
  // Its time may be up before the end and its turn come after that.
  timer_.async_wait([this, stopped = stopped_](boost::system::error_code cancelled) {
    if (cancelled || *stopped) return;
    switcher_.tick();
    if (!working_)
      if (auto tracks = switcher_.slate_wanted()) make_slate(std::move(*tracks));
    wait();
  });
}

void SwitchDriver::make_slate(av::Tracks tracks) {
  working_ = true;
  if (worker_.joinable()) worker_.join();
  worker_ = std::thread([this, tracks = std::move(tracks), stopped = stopped_] {
    std::shared_ptr<const Slate> slate;
    std::string failure;
    try {
      slate = std::make_shared<const Slate>(
          Slate::make(slate_, tracks, [&stopped] { return stopped->load(); }));
    } catch (const Error& error) {
      failure = error.what();
    }
    boost::asio::post(io_, [this, slate, failure, stopped] {
      if (*stopped) return;
      working_ = false;
      if (slate)
        switcher_.set_slate(slate);
      else
        notice_("there will be no slate: " + failure);
    });
  });
}

}  // namespace stream::media

#include "forward/target_link.h"

#include <boost/asio/post.hpp>

namespace stream::media {
namespace {

using Kind = LinkFailure::Kind;

// Reads the target, then hands everything on to the link that can go there.
class TargetLink : public ForwardLink, public std::enable_shared_from_this<TargetLink> {
 public:
  TargetLink(ForwardNetwork& network, TargetSource target, RtmpLinkOptions rtmp, SrtLinkOptions srt,
             ForwardLinkHost& host)
      : network_(network),
        target_(std::move(target)),
        rtmp_(std::move(rtmp)),
        srt_(std::move(srt)),
        host_(&host) {}
  void begin();

  void send(ForwardQueue& queue, int64_t offset_ms) override {
    if (inner_) inner_->send(queue, offset_ms);
  }
  bool flushed() const override { return !inner_ || inner_->flushed(); }
  void finish() override {
    if (inner_) inner_->finish();
  }
  Flow flow() const override { return inner_ ? inner_->flow() : Flow(); }

 private:
  void open(ForwardTarget target);

  ForwardNetwork& network_;
  TargetSource target_;
  RtmpLinkOptions rtmp_;
  SrtLinkOptions srt_;
  ForwardLinkHost* host_;
  std::shared_ptr<ForwardLink> inner_;
};

void TargetLink::begin() {
  host_->link_phase(ForwardState::kResolving);
  const bool started = network_.offload.run([weak = weak_from_this(), target = target_] {
    ForwardTarget result;
    std::string error;
    try {
      result = target();
    } catch (const std::exception& e) {
      error = e.what();
    }
    return [weak, result = std::move(result), error = std::move(error)]() mutable {
      const auto self = weak.lock();
      if (!self) return;
      if (!error.empty()) return self->host_->link_failed({Kind::kNetwork, false, false, error});
      self->open(std::move(result));
    };
  });
  if (!started)
    boost::asio::post(network_.io, [weak = weak_from_this()] {
      if (const auto self = weak.lock())
        self->host_->link_failed(
            {Kind::kUnreachable, false, false, "too many name lookups are hanging"});
    });
}

void TargetLink::open(ForwardTarget target) {
  if (target.scheme == "srt") {
    inner_ = make_srt_link(network_, std::move(target), std::move(srt_), *host_);
    return;
  }
  rtmp_.target = std::move(target);
  inner_ = make_rtmp_link(network_, std::move(rtmp_), *host_);
}

}  // namespace

std::shared_ptr<ForwardLink> make_target_link(ForwardNetwork& network, TargetSource target,
                                              RtmpLinkOptions rtmp, SrtLinkOptions srt,
                                              ForwardLinkHost& host) {
  auto link = std::make_shared<TargetLink>(network, std::move(target), std::move(rtmp),
                                           std::move(srt), host);
  boost::asio::post(network.io, [weak = std::weak_ptr(link)] {
    if (const auto self = weak.lock()) self->begin();
  });
  return link;
}

}  // namespace stream::media

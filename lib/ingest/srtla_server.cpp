#include "ingest/srtla_server.h"

#include <boost/asio/ip/address.hpp>
#include <charconv>
#include <utility>

#include "base/url.h"
#include "net/address.h"

namespace stream::media {
namespace {

// Packets overtake each other between links: by so many one may be late and is not asked for again.
constexpr int kReorder = 40;

uint16_t port_of(const std::string& address) {
  uint16_t port = 0;
  const char* end = address.data() + address.size();
  std::from_chars(address.data() + address.rfind(':') + 1, end, port);
  return port;
}

}  // namespace

SrtlaServer::SrtlaServer(boost::asio::io_context& io, srt::Engine& engine,
                         SrtServer::Options options, PublisherHooks hooks) {
  SrtServer::Options inner = options;
  inner.host = "127.0.0.1";
  inner.port = 0;
  inner.settings.reorder = kReorder;
  srt_ = std::make_unique<SrtServer>(io, engine, std::move(inner), wrapped(std::move(hooks)));
  receiver_ = std::make_unique<srt::SrtlaReceiver>(
      io, options.host, options.port,
      srt::Endpoint(boost::asio::ip::address_v4::loopback(), srt_->port()));
}

// False: it came to the inner port by another way.
bool SrtlaServer::rename(PublishAttempt& attempt) const {
  const auto link = receiver_->behind(port_of(attempt.address));
  if (!link) return false;
  attempt.protocol = "srtla";
  attempt.host = net::unmapped(link->address()).to_string();
  attempt.address = host_port(attempt.host, link->port());
  return true;
}

PublisherHooks SrtlaServer::wrapped(PublisherHooks hooks) {
  PublisherHooks outer;
  outer.check = [this, check = hooks.check](const PublishAttempt& attempt,
                                            PublisherHooks::Answered answered) {
    PublishAttempt renamed = attempt;
    if (rename(renamed)) return check(renamed, std::move(answered));
    PublisherAdmission refused;
    refused.refusal = PublisherAdmission::Refusal::kUnavailable;
    answered(std::move(refused));
  };
  outer.publish = [this, publish = hooks.publish](const PublishAttempt& attempt,
                                                  PublisherAdmission admission) {
    PublishAttempt renamed = attempt;
    rename(renamed);
    PublisherAdmission result = publish(renamed, std::move(admission));
    if (result.receiver) receiver_->admit(port_of(attempt.address));
    return result;
  };
  outer.refused = [this, refused = hooks.refused](const std::string& address,
                                                  const std::string& reason,
                                                  const std::string& id) {
    PublishAttempt renamed;
    renamed.address = address;
    if (rename(renamed) && refused) refused(renamed.address, reason, id);
  };
  return outer;
}

void SrtlaServer::stop() {
  srt_->stop();
  receiver_->stop();
}

}  // namespace stream::media

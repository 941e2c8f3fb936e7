// SRT publishers that come over several links (SRTLA): an SRT port of our own on loopback, behind a
// receiver that joins the links. Publishers are known by the address of a link.
#pragma once
#include <memory>

#include "ingest/srt_server.h"
#include "srt/srtla_receiver.h"

namespace stream::media {

class SrtlaServer : public PublisherServer {
 public:
  // As SrtServer; host and port are where the links come to.
  SrtlaServer(boost::asio::io_context& io, srt::Engine& engine, SrtServer::Options options,
              PublisherHooks hooks);

  void stop() override;
  Counts counts() const override { return srt_->counts(); }
  uint16_t port() const { return receiver_->port(); }

 private:
  PublisherHooks wrapped(PublisherHooks hooks);
  bool rename(PublishAttempt& attempt) const;

  std::unique_ptr<srt::SrtlaReceiver> receiver_;  // outlives the server, which asks it
  std::unique_ptr<SrtServer> srt_;
};

}  // namespace stream::media

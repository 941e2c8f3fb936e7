// WHIP publishers (RFC 9725): an HTTP endpoint POST /STREAM/whip that takes an offer and a key as
// bearer token, and a resource for each session; their media comes to a UDP port that the owner
// shares out. The case of PublisherServer beside RTMP's and SRT's. On the io context's thread.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ingest/publisher.h"
#include "signalling/endpoint.h"

namespace stream::media {

class WhipPublisher;

class WhipServer : public PublisherServer {
 public:
  struct Options {
    std::string host;
    uint16_t port = 8889;
    Nanoseconds idle = std::chrono::seconds(10);
    size_t connections = 4096;        // sessions, and HTTP connections
    std::vector<std::string> codecs;  // FFmpeg's names; empty: all
    signalling::IceServers ice;       // that publishers are told of
    net::TlsContexts tls;             // HTTPS: what a connection that begins now shows
  };
  // Throws Error "listen.failed". Several servers may share a port.
  WhipServer(boost::asio::io_context& io, std::shared_ptr<webrtc::Port> port, Options options,
             PublisherHooks hooks);
  ~WhipServer() override;

  void stop() override;
  Counts counts() const override;
  std::string address() const;  // of HTTP, as bound

 private:
  friend class WhipPublisher;
  http::Admit admit(const http::Request& request) const;
  http::Response respond(const http::Request& request);
  http::Response post(const http::Request& request, const std::string& stream);
  http::Response checked(PublishAttempt attempt, PublisherAdmission admission,
                         const std::string& offer);
  std::shared_ptr<WhipPublisher> find(const std::string& id) const;
  void remove(const WhipPublisher& publisher);
  void tick();

  boost::asio::io_context& io_;
  const std::shared_ptr<webrtc::Port> port_;
  const Options options_;
  const signalling::Endpoint endpoint_;
  const PublisherHooks hooks_;
  boost::asio::steady_timer ticker_;
  std::map<std::string, std::shared_ptr<WhipPublisher>> publishers_;  // by the id in their URL
  std::vector<std::shared_ptr<WhipPublisher>> ticked_;  // of them, as they were at the last change
  bool changed_ = false;
  uint64_t accepted_ = 0;
  bool stopped_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // for answers that come later
  http::Server http_;
};

}  // namespace stream::media

// SRT publishers on a UDP port: who they are is asked by their stream id within the handshake, so
// that a stream may have a passphrase of its own; the MPEG-TS they send becomes media. The case of
// PublisherServer beside RTMP's. On the io context's thread.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "ingest/publisher.h"
#include "srt/engine.h"

namespace stream::media {

class SrtPublisher;

class SrtServer : public PublisherServer {
 public:
  struct Options {
    std::string host;
    uint16_t port = 9000;
    srt::Settings settings;
    std::map<std::string, Secret> passphrases;  // by stream; the others have that of the settings
    Nanoseconds idle = std::chrono::seconds(10);
    size_t connections = 4096;
  };
  // Throws Error "listen.failed". The engine outlives the server.
  SrtServer(boost::asio::io_context& io, srt::Engine& engine, Options options,
            PublisherHooks hooks);
  ~SrtServer() override;

  void stop() override;
  Counts counts() const override;
  uint16_t port() const;  // as bound

 private:
  friend class SrtPublisher;
  void asked(const srt::Asking& asking, srt::Listener::Handlers::Answered answered);
  void accepted(std::shared_ptr<srt::Socket> socket, const std::shared_ptr<void>& token);
  void tick();

  boost::asio::io_context& io_;
  Options options_;
  std::shared_ptr<const std::map<std::string, Secret>> passphrases_;
  PublisherHooks hooks_;
  std::unique_ptr<srt::Listener> listener_;
  boost::asio::steady_timer ticker_;
  std::set<std::shared_ptr<SrtPublisher>> publishers_;
  uint64_t accepted_ = 0;
};

}  // namespace stream::media

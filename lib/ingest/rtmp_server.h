// RTMP on a TCP port, plain or in TLS: accepts, keeps the limits of those who are not let in yet,
// runs one rtmp::ServerSession per connection in a coroutine, and hands an admitted publisher's
// media to a receiver. Who is admitted and what becomes of the media is the owner's business. On
// the io context's thread.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "ingest/publisher.h"
#include "ingest/turn_reader.h"
#include "net/tcp_listener.h"
#include "net/tls_identity.h"
#include "os/fd.h"
#include "rtmp/server_session.h"

namespace stream::media {

struct RtmpLimits {
  // For handshake, connect and publish together, and for the silence of a publisher.
  Nanoseconds admission = std::chrono::seconds(10);
  Nanoseconds idle = std::chrono::seconds(10);
  Nanoseconds tls = std::chrono::seconds(5);  // for the handshake of TLS alone
  // Connections that are not admitted yet. Beyond the total the oldest of them goes.
  size_t waiting = 512, waiting_per_address = 128;
  size_t connections = 4096;
  size_t memory = 4u << 20;  // of one that is not admitted
};

class RtmpConnection;

class RtmpServer : public PublisherServer {
 public:
  struct Options {
    std::string host;
    uint16_t port = 1935;
    std::optional<net::TcpListener> listener;  // that was passed to us, in the place of these
    std::string app;                           // encoders must name it; empty: any
    RtmpLimits limits;
    net::TlsContexts tls;  // RTMPS
  };
  // Throws Error "listen.failed" that names who holds the port.
  RtmpServer(boost::asio::io_context& io, Options options, PublisherHooks hooks);
  ~RtmpServer() override;
  RtmpServer(const RtmpServer&) = delete;

  void stop() override;
  uint16_t port() const;  // as bound

  Counts counts() const override;

 private:
  friend class RtmpConnection;
  void accept();
  void accepted(boost::asio::ip::tcp::socket socket);
  void pause_accepting(const std::string& reason);
  bool evict_oldest();
  void tick();

  Options options_;
  PublisherHooks hooks_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer pause_, ticker_;
  std::shared_ptr<TurnReader> turns_, idle_turns_;
  bool short_of_descriptors_ = false, stopped_ = false;
  std::list<std::shared_ptr<RtmpConnection>> connections_;  // oldest first
  uint64_t accepted_ = 0, evicted_ = 0;
};

class RtmpConnection : public PublisherConnection,
                       public TurnReader::Client,
                       public std::enable_shared_from_this<RtmpConnection> {
 public:
  RtmpConnection(RtmpServer& server, boost::asio::ip::tcp::socket socket);
  // The encoder gets a status that fits, and the reason as its text.
  void end(PublisherEnd end, const std::string& reason) override;
  const std::string& address() const noexcept { return address_; }
  const std::string& host() const noexcept { return host_; }
  uint64_t received_bytes() const override { return session_.bytes_received(); }

 private:
  friend class RtmpServer;
  class Loop;
  void start();
  bool readable(bool end) override;
  bool waiting() const noexcept { return !receiver_ && !closing_; }
  void tick(Nanoseconds now);
  void drop(const std::string& reason, const char* id);
  void on_publish(rtmp::PublishRequested& request);
  void answered(const PublishAttempt& attempt, PublisherAdmission admission);
  void on_connect(const rtmp::ConnectRequested& request);
  void on_events();
  void on_event(rtmp::Event& event);
  void on_media(rtmp::Media&& media);
  void finished(PublisherEnd end, const std::string& reason);

  RtmpServer* server_;
  boost::asio::ip::tcp::socket socket_;
  std::shared_ptr<boost::asio::ssl::context> tls_context_;
  std::unique_ptr<boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>> tls_;
  boost::asio::steady_timer timer_;
  rtmp::ServerSession session_;
  std::string address_, host_, encoder_, app_rest_;
  std::unique_ptr<PublisherReceiver> receiver_;
  Nanoseconds since_, last_media_;
  Nanoseconds delay_{0};  // before what is in the session's output may be sent
  bool closing_ = false, gone_ = false, unpublished_ = false, shaking_ = false;
  // While it publishes in the clear the socket is read in turns, and not by the coroutine.
  std::shared_ptr<TurnReader> turns_, idle_turns_;  // the latter while nobody takes its media
  os::Fd reading_;
  bool awaited_ = false;
  bool in_turns_ = false, end_seen_ = false;
  std::string broken_;   // why nothing more can be read
  bool asking_ = false;  // whether it may publish: nothing is read meanwhile
};

}  // namespace stream::media

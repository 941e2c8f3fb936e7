// WHEP (draft-ietf-wish-whep): POST /STREAM/whep takes a player's offer, /STREAM/whep/ID is its
// session. The part of an HTTP server that answers below these paths; media goes by a webrtc::Port.
// On the io context's thread.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "signalling/endpoint.h"
#include "whep/viewer.h"

namespace stream::whep {

class Service {
 public:
  struct Options {
    webrtc::Port::Options port;
    size_t viewers = 2000;
    signalling::IceServers ice;  // that players are told of
  };
  using Observer = Viewer::Observer;

  // Throws what webrtc::Port throws. `observer` is told of viewers.
  Service(boost::asio::io_context& io, Options options, Observer observer);
  ~Service();
  Service(const Service&) = delete;

  // nullopt: not one of our paths.
  std::optional<http::Admit> admit(const http::Request& request) const;
  std::optional<http::Response> respond(const http::Request& request);
  void stop();

  size_t viewers() const noexcept { return viewers_.size(); }
  size_t connected() const;
  struct Watching {
    std::string stream, rung;  // no rung: the stream itself
    size_t viewers = 0;
  };
  std::vector<Watching> watching() const;  // of those that are connected; 200 at most
  uint16_t port() const noexcept { return port_.port(); }

 private:
  struct Watched;
  http::Response post(const http::Request& request, const std::string& stream);
  http::Response answered(Watched& watched, const std::string& offer, const std::string& address);
  std::shared_ptr<Watched> watch(const std::string& stream);
  void changed(Watched& watched);
  void remove(const std::string& id);
  void end_all(Watched& watched, const std::string& reason);
  void tick();

  boost::asio::io_context& io_;
  const Options options_;
  const Observer observer_;
  const signalling::Endpoint endpoint_;
  webrtc::Port port_;
  boost::asio::steady_timer ticker_;
  std::map<std::string, std::shared_ptr<Watched>> watched_;  // by the stream's name
  std::map<std::string, std::shared_ptr<Viewer>> viewers_;   // by the id in their URL
  bool stopped_ = false;
};

}  // namespace stream::whep

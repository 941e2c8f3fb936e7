// A TCP connection to whichever of a host's addresses answers first, RFC 8305 section 5 ("happy
// eyeballs"): families alternate, a further address is tried every 250 ms or as soon as one has
// failed. Deadlines are the caller's: cancel(). On the io context's thread.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace stream::net {

class Connector : public std::enable_shared_from_this<Connector> {
 public:
  using Socket = boost::asio::ip::tcp::socket;
  using Endpoint = boost::asio::ip::tcp::endpoint;
  // The socket, or none and why, for people.
  using Handler = std::function<void(std::optional<Socket>, std::string error)>;

  // The handler is called once, later, unless cancel() comes first.
  static std::shared_ptr<Connector> start(boost::asio::io_context& io,
                                          std::vector<Endpoint> endpoints, Handler handler);
  void cancel();

  // The order in which addresses are tried (RFC 8305 section 4).
  static std::vector<Endpoint> order(const std::vector<Endpoint>& endpoints);

 private:
  Connector(boost::asio::io_context& io, std::vector<Endpoint> endpoints, Handler handler);
  void try_next();
  void finish(std::optional<Socket> socket);

  boost::asio::io_context& io_;
  std::vector<Endpoint> endpoints_;
  Handler handler_;
  size_t next_ = 0, open_ = 0;
  std::list<Socket> sockets_;
  boost::asio::steady_timer stagger_;
  std::string error_;  // of the address tried last
};

}  // namespace stream::net

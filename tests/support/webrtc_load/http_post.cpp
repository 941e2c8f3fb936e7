#include "http_post.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <stdexcept>

#include "base/url.h"

namespace load {

namespace asio = boost::asio;

Answer post(const std::string& text, const std::string& type, const std::string& body) {
  const auto url = stream::parse_url(text);
  if (!url) throw std::runtime_error("no URL: " + text);
  asio::io_context io;
  asio::ip::tcp::socket socket(io);
  socket.connect({asio::ip::make_address(url->host), url->port});
  asio::write(socket, asio::buffer("POST " + url->path + " HTTP/1.1\r\nHost: " + url->host +
                                   "\r\nConnection: close\r\nContent-Type: " + type +
                                   "\r\nContent-Length: " + std::to_string(body.size()) +
                                   "\r\n\r\n" + body));
  std::string answer;
  boost::system::error_code ended;
  asio::read(socket, asio::dynamic_buffer(answer), ended);
  const size_t head = answer.find("\r\n\r\n");
  if (head == std::string::npos) throw std::runtime_error("no answer from " + text);
  return {std::stoi(answer.substr(9, 3)), answer.substr(head + 4)};
}

}  // namespace load

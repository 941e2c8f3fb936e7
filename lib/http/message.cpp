#include "http/message.h"

#include "base/text.h"

namespace stream::http {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = static_cast<char>(c | 32);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool segments_are_plain(std::string_view path) {
  path.remove_prefix(1);
  while (!path.empty()) {
    const size_t end = path.find('/');
    const std::string_view segment = path.substr(0, end);
    if (segment.empty() || segment == "." || segment == "..") return false;
    if (end == std::string_view::npos) break;
    path.remove_prefix(end + 1);
  }
  return true;
}

}  // namespace

std::string_view Request::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return {};
}

Response text_response(unsigned status, std::string text) {
  Response response;
  response.status = status;
  response.type = "text/plain; charset=utf-8";
  response.body = std::move(text) + "\n";
  response.headers = {{"Cache-Control", "no-store"}};
  return response;
}

Response problem(unsigned status, const std::string& title, const std::string& detail) {
  const auto quoted = [](const std::string& text) {
    std::string out = "\"";
    for (const char c : escaped(text, 1000)) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    return out + "\"";
  };
  Response response;
  response.status = status;
  response.type = "application/problem+json";
  response.headers = {{"Cache-Control", "no-store"}};
  response.body = "{\"title\": " + quoted(title) + ", \"status\": " + std::to_string(status) +
                  ", \"detail\": " + quoted(detail) + "}\n";
  return response;
}

Response preflight(const std::string& methods, const std::string& headers) {
  Response response;
  response.status = 204;
  response.headers = {{"Access-Control-Allow-Methods", methods},
                      {"Access-Control-Allow-Headers", headers},
                      {"Access-Control-Max-Age", "86400"}};
  return response;
}

Response method_refused(const std::string& methods) {
  Response response = text_response(405, "only " + methods);
  response.headers.emplace_back("Allow", methods);
  return response;
}

Reply::~Reply() {
  if (!sent_) send(text_response(500, "internal error"));
}

void Reply::send(Response response) {
  if (std::exchange(sent_, true)) return;
  if (handler_)
    std::exchange(handler_, nullptr)(std::move(response));
  else
    response_ = std::move(response);
}

void Reply::on_sent(std::function<void(Response)> handler) {
  if (response_)
    handler(*std::exchange(response_, std::nullopt));
  else if (!sent_)
    handler_ = std::move(handler);
}

Response later(std::shared_ptr<Reply> reply) {
  Response response;
  response.later = std::move(reply);
  return response;
}

std::optional<std::string> decode_path(std::string_view target) {
  target = target.substr(0, target.find_first_of("?#"));
  if (target.empty() || target[0] != '/') return std::nullopt;
  std::string path;
  for (size_t i = 0; i < target.size(); ++i) {
    unsigned char c = static_cast<unsigned char>(target[i]);
    if (c == '%') {
      if (target.size() - i < 3) return std::nullopt;
      const int high = hex_digit(target[i + 1]), low = hex_digit(target[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<unsigned char>(high * 16 + low);
      i += 2;
    }
    if (c < 0x20 || c == 0x7f || c == '\\') return std::nullopt;
    path += static_cast<char>(c);
  }
  if (!segments_are_plain(path)) return std::nullopt;
  return path;
}

std::string percent_encoded(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~").find(c) != std::string_view::npos;
    if (plain) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return out;
}

std::string html_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace stream::http

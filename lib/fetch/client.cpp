#include "fetch/client.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>
#include <memory>
#include <mutex>

#include "base/text.h"
#include "base/url.h"

namespace stream::fetch {
namespace {

struct Sink {
  std::string* body;
  size_t max;
};

size_t receive(char* data, size_t size, size_t count, void* user) {
  auto* sink = static_cast<Sink*>(user);
  if (size * count > sink->max - sink->body->size()) return 0;  // ends the transfer
  sink->body->append(data, size * count);
  return size * count;
}

bool is_allowed(const Request& request) {
  const auto url = parse_url(request.url);
  return url && (url->scheme == "https" || (url->scheme == "http" && (is_loopback_host(url->host) ||
                                                                      request.reject_address)));
}

std::string numeric(const curl_sockaddr& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address.addr, sizeof v4);
    ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
  } else if (address.family == AF_INET6) {
    sockaddr_in6 v6{};
    if (address.addrlen < sizeof v6) return {};
    std::memcpy(&v6, &address.addr, sizeof v6);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
  }
  return text;
}

curl_socket_t open_socket(void* user, curlsocktype, curl_sockaddr* address) {
  const auto& request = *static_cast<const Request*>(user);
  if (!request.reject_address(numeric(*address)).empty()) return CURL_SOCKET_BAD;
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const auto& request = *static_cast<const Request*>(user);
  return request.cancelled && *request.cancelled ? 1 : 0;
}

void guard(CURL* c, const Request& request) {
  void* user = const_cast<Request*>(&request);
  if (request.reject_address) {
    curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, user);
    curl_easy_setopt(c, CURLOPT_PROXY, "");  // not what the environment says either
  }
  if (request.cancelled) {
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, user);
    curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L);  // a resolver that hangs is not waited for
  }
}

std::string escape(const std::string& text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain)
      out += c;
    else
      (out += '%') += {kHex[byte >> 4], kHex[byte & 15]};
  }
  return out;
}

}  // namespace

std::string form(const Fields& fields) {
  std::string out;
  for (const auto& [name, value] : fields)
    out += (out.empty() ? "" : "&") + escape(name) + "=" + escape(value);
  return out;
}

Response send(const Request& request) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  Response response;
  if (!is_allowed(request)) {
    response.failure = "only https, or http to this machine, is spoken";
    return response;
  }
  const std::unique_ptr<CURL, void (*)(CURL*)> curl(curl_easy_init(), curl_easy_cleanup);
  std::unique_ptr<curl_slist, void (*)(curl_slist*)> headers(nullptr, curl_slist_free_all);
  for (const std::string& header : request.headers) {
    curl_slist* longer = curl_slist_append(headers.get(), header.c_str());
    if (longer != headers.get()) (void)headers.release(), headers.reset(longer);
  }
  Sink sink{&response.body, request.max_body};
  char error[CURL_ERROR_SIZE] = "";
  CURL* c = curl.get();
  curl_easy_setopt(c, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers.get());
  if (request.method != "GET") {
    curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, static_cast<long>(request.body.reveal().size()));
    curl_easy_setopt(c, CURLOPT_POSTFIELDS, request.body.reveal().data());
  }
  curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, receive);
  curl_easy_setopt(c, CURLOPT_WRITEDATA, &sink);
  curl_easy_setopt(c, CURLOPT_ERRORBUFFER, error);
  curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, 10'000L);
  curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
  curl_easy_setopt(c, CURLOPT_USERAGENT, "stream-tools");
  guard(c, request);
  if (curl_easy_perform(c) != CURLE_OK) {
    response.failure = escaped(error[0] ? error : "the answer was too large or broken off");
    return response;
  }
  long status = 0;
  curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
  response.status = static_cast<int>(status);
  return response;
}

}  // namespace stream::fetch

// Files that must be closed or in date, ports that must be free, names that must be known.
#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "base/error.h"
#include "base/text.h"
#include "base/time.h"
#include "doctor/command.h"
#include "doctor/machine.h"
#include "os/fd.h"
#include "os/port_owner.h"
#include "os/private_file.h"

namespace stream::doctor {
namespace {

using namespace std::chrono_literals;

constexpr auto kSoon = std::chrono::hours(24 * 14);

std::optional<std::chrono::system_clock::time_point> expiry_of(const std::string& pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), X509_free);
  tm fields{};
  if (!certificate || ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &fields) != 1)
    return std::nullopt;
  return std::chrono::system_clock::from_time_t(::timegm(&fields));
}

// 0, or the errno of binding to it.
int try_port(const std::string& address, uint16_t port, bool udp) {
  sockaddr_storage where{};
  socklen_t size = 0;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&where);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&where);
  if (::inet_pton(AF_INET6, address.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    size = sizeof *v6;
  } else {
    // A name is taken for any address: whoever holds the port is told.
    if (::inet_pton(AF_INET, address.c_str(), &v4->sin_addr) != 1) v4->sin_addr.s_addr = INADDR_ANY;
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    size = sizeof *v4;
  }
  const os::Fd fd(::socket(where.ss_family, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0));
  if (!fd) return errno;
  const int on = 1;
  if (!udp) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  return ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&where), size) == 0 ? 0 : errno;
}

}  // namespace

Finding check_private_file(const std::string& path) {
  try {
    os::open_private(path);
    return {"file.permissions", State::kOk, path + " is closed to others", {}};
  } catch (const Error& e) {
    return {"file.permissions", State::kFail, e.what(), e.hint()};
  }
}

Finding check_certificate(const std::string& path, std::chrono::system_clock::time_point now) {
  const std::string renew = "renew it; stream-ingest reads it anew at SIGHUP";
  std::string pem;
  try {
    pem = os::read_file(path, 1 << 20);
  } catch (const Error& e) {
    return {"tls.certificate", State::kFail, e.what(), "give this user the right to read it"};
  }
  const auto expires = expiry_of(pem);
  if (!expires)
    return {"tls.certificate", State::kFail, path + " holds no certificate in PEM",
            "name the file with the chain, the server's own first"};
  const std::string until = rfc3339(*expires);
  if (*expires <= now) return {"tls.certificate", State::kFail, path + " expired " + until, renew};
  if (*expires <= now + kSoon)
    return {"tls.certificate", State::kWarn, path + " expires " + until, renew};
  return {"tls.certificate", State::kOk, path + " is good until " + until, {}};
}

Finding check_port(const std::string& address, uint16_t port, bool udp) {
  const std::string name = std::to_string(port) + (udp ? "/udp" : "/tcp");
  const int error = try_port(address, port, udp);
  if (error == 0) return {"port.free", State::kOk, name + " is free", {}};
  if (error == EACCES)
    return {"port.free", State::kFail, name + " is for root alone",
            "use one above 1023, or AmbientCapabilities=CAP_NET_BIND_SERVICE"};
  if (error != EADDRINUSE)
    return {"port.free", State::kFail, name + " on " + address + ": " + errno_text(error),
            "use an address of this machine"};
  const std::string owner = udp ? "another process" : os::describe_port_owner(port);
  const bool ours = owner.find("(stream-") != owner.npos;
  return {"port.free", ours ? State::kOk : State::kFail, name + " is held by " + owner,
          ours ? "" : "end it, or listen on another port"};
}

Finding check_name(const std::string& host) {
  const Ran ran = run_command({"getent", "ahosts", "--", host}, 10s);
  const std::string first = ran.output.substr(0, ran.output.find_first_of(" \t\n"));
  if (ran.code == 0 && !first.empty())
    return {"dns.name", State::kOk, escaped(host, 100) + " is " + escaped(first, 60), {}};
  return {
      "dns.name", State::kFail,
      escaped(host, 100) + (ran.code == 124 ? " is not answered for within 10 s" : " is not known"),
      "check the name, and the servers in /etc/resolv.conf"};
}

}  // namespace stream::doctor

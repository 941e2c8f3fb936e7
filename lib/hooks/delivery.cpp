#include "hooks/delivery.h"

#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "base/time.h"
#include "base/units.h"
#include "base/url.h"
#include "crypto/encoding.h"
#include "fetch/client.h"
#include "hooks/signature.h"
#include "net/address.h"
#include "os/child.h"

namespace stream::hooks {
namespace {

using namespace std::chrono_literals;

constexpr auto kTick = 50ms;
constexpr size_t kMaxAnswer = 64 << 10;
constexpr int kHeld = 15;

// Asked for each connection, when its address is known: a name may lead elsewhere each time.
std::string reject_address(const Hook& hook, bool plain, const std::string& text) {
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(text, error);
  if (error) return "it has no address of a kind that is known";
  const bool inner = net::is_inner_address(address);
  if (inner && !hook.allow_private)
    return text + " is no address of the internet (allow_private: true would allow it)";
  if (!inner && plain) return text + " is an address of the internet, which needs https";
  return {};
}

fetch::Request request_of(const Hook& hook, const std::string& url, const Message& message,
                          const Key& key) {
  const int64_t now =
      std::chrono::duration_cast<std::chrono::seconds>(wall_now().time_since_epoch()).count();
  fetch::Request request;
  request.method = "POST";
  request.url = url;
  request.headers = {"Content-Type: application/json", "Expect:", "webhook-id: " + message.id,
                     "webhook-timestamp: " + std::to_string(now),
                     "webhook-signature: " + sign(key, message.id, now, message.body)};
  request.body = Secret(message.body);
  request.timeout = hook.limit;
  request.max_body = kMaxAnswer;
  return request;
}

// In memory, as what a program reads: it has an end, and nobody waits for the reader.
os::Fd input_of(const std::string& text) {
  os::Fd file(::memfd_create("event", MFD_CLOEXEC));
  const std::string line = text + "\n";
  if (!file || os::write_all(file.get(), Bytes(crypto::bytes_of(line))) != 0 ||
      ::lseek(file.get(), 0, SEEK_SET) != 0)
    throw_errno("keep", "an event for a program", errno);
  return file;
}

}  // namespace

Courier::Courier(Hook hook, Place place, ReadSecret read_secret)
    : hook_(std::move(hook)), place_(std::move(place)), read_secret_(std::move(read_secret)) {}

std::string Courier::deliver(const Message& message, const std::atomic<bool>& cancelled) {
  std::string reason;
  try {
    reason = hook_.argv.empty() ? post(message, cancelled) : run(message, cancelled);
  } catch (const Error& e) {
    reason = e.what();
  }
  if (!reason.empty()) url_ = Secret(), secret_ = Secret();  // they may have been replaced
  return reason;
}

std::string Courier::post(const Message& message, const std::atomic<bool>& cancelled) {
  if (secret_.empty()) secret_ = read_secret_(hook_.secret);
  if (url_.empty()) url_ = hook_.url.starts_with("@") ? read_secret_(hook_.url) : Secret(hook_.url);
  const auto key = parse_key(secret_);
  if (!key)
    return "its secret is not \"whsec_\" and the base64 of 24 to 64 bytes; stream-ctl hooks secret "
           "makes one";
  const std::string text(url_.reveal());
  const auto url = parse_url(text);
  if (!url || (url->scheme != "https" && url->scheme != "http"))
    return "its address is no URL of https";
  const bool plain = url->scheme == "http";
  if (plain && !hook_.allow_private) return "its address is not of https";
  fetch::Request request = request_of(hook_, text, message, *key);
  std::string rejected;
  request.reject_address = [&](const std::string& address) {
    rejected = reject_address(hook_, plain, address);
    return rejected;
  };
  request.cancelled = &cancelled;
  const fetch::Response response = fetch::send(request);
  if (response.status >= 200 && response.status < 300) return {};
  if (response.status >= 300 && response.status < 400)
    return "it answered " + std::to_string(response.status) + ": redirects are not followed";
  if (response.status != 0) return "it answered " + std::to_string(response.status);
  return rejected.empty() ? response.failure : rejected;
}

std::string Courier::run(const Message& message, const std::atomic<bool>& cancelled) {
  check_stream_name(place_.stream);
  const std::string event = event_name(message);
  const os::Fd input = input_of(message.body);
  const Nanoseconds deadline = monotonic_now() + hook_.limit;
  if (::access(hook_.argv[0].c_str(), X_OK) != 0)
    return hook_.argv[0] + " can't be run: " + errno_text(errno);
  // Each of them of a strict grammar; what else the event says is on its standard input only.
  const os::Child child = os::Child::spawn(
      hook_.argv[0], hook_.argv,
      {"HOOK_STREAM=" + place_.stream, "HOOK_EVENT=" + event, "HOOK_ID=" + message.id},
      place_.lock_path, {input.get(), -1});
  for (;;) {
    if (const auto ended = child.ended()) {
      if (ended->code == 0) return {};
      if (ended->code == kHeld) return "exit code 15; or an earlier run of it still goes on";
      if (ended->code > 128) return "it ended by signal " + std::to_string(ended->code - 128);
      return "exit code " + std::to_string(ended->code);
    }
    const bool late = monotonic_now() >= deadline;
    if (late || cancelled) {
      child.kill_group();
      pollfd handle{child.fd(), POLLIN, 0};
      ::poll(&handle, 1, 5000);
      (void)child.ended();
      return late ? "it was killed after " + to_text(Duration{hook_.limit}) : "stopped";
    }
    pollfd handle{child.fd(), POLLIN, 0};
    ::poll(&handle, 1, static_cast<int>(kTick.count()));
  }
}

}  // namespace stream::hooks

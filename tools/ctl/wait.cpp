#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/error.h"
#include "base/text.h"
#include "base/time.h"
#include "ctl.h"
#include "os/dirs.h"
#include "os/unix_socket.h"
#include "registry.h"

namespace stream::ctl {
namespace {

// Throws when that can't be found out.
bool live(const std::string& name) {
  if (os::connect_unix(os::media_socket_path(name))) return true;
  if (errno == ENOENT || errno == ECONNREFUSED) return false;
  if (errno == EAGAIN) return true;  // somebody listens and is busy
  throw_errno("look at", os::media_socket_path(name), errno);
}

bool is(const std::string& name, const std::string& what) {
  if (what == "live") return live(name);
  const auto stream = find_stream(name);
  if (!stream) return false;
  if (what == "recording-ready")
    return std::any_of(stream->recordings.begin(), stream->recordings.end(), [&](const auto& r) {
      return r.ready && (!stream->opened || r.started >= *stream->opened - std::chrono::seconds(1));
    });
  if (what == "ready")
    return supervised(name) &&
           (stream->life == manifest::Life::kReady || stream->life == manifest::Life::kLive);
  return manifest::to_text(stream->life) == what;
}

}  // namespace

int is_live(const Options& options, const cli::Context& context) {
  check_stream_name(options.name);
  const bool yes = live(options.name);
  if (context.json())
    context.print_json(
        {{"schema", "stream.ctl.is-live/1"}, {"stream", options.name}, {"live", yes}});
  return yes ? 0 : static_cast<int>(Exit::kNo);
}

int wait(const Options& options, const cli::Context& context) {
  check_stream_name(options.name);
  const Nanoseconds deadline = monotonic_now() + options.wait_timeout.value;
  while (!is(options.name, options.wait_for)) {
    if (monotonic_now() >= deadline)
      throw Error(Exit::kTimeout, "wait.timeout",
                  "'" + options.name + "' is not " + options.wait_for + " after " +
                      to_text(options.wait_timeout),
                  "look at: stream-ctl status " + options.name);
    std::this_thread::sleep_for(kLookAtManifest);
  }
  if (context.json())
    context.print_json(
        {{"schema", "stream.ctl.wait/1"}, {"stream", options.name}, {"is", options.wait_for}});
  return 0;
}

}  // namespace stream::ctl

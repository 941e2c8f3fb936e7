#include "forward/types.h"

#include "base/error.h"
#include "base/lower.h"
#include "base/text.h"
#include "base/url.h"

namespace stream::media {

std::string_view to_text(ForwardState state) {
  switch (state) {
    case ForwardState::kIdle:
      return "idle";
    case ForwardState::kResolving:
      return "resolving";
    case ForwardState::kConnecting:
      return "connecting";
    case ForwardState::kHandshaking:
      return "handshaking";
    case ForwardState::kPublishing:
      return "publishing";
    case ForwardState::kLive:
      return "live";
    case ForwardState::kDegraded:
      return "degraded";
    case ForwardState::kStalled:
      return "stalled";
    case ForwardState::kBackoff:
      return "backoff";
    case ForwardState::kPaused:
      return "paused";
    case ForwardState::kHeld:
      return "held";
    case ForwardState::kRefused:
      return "refused";
    case ForwardState::kGaveUp:
      return "gave-up";
    case ForwardState::kStopped:
      return "stopped";
  }
  return "";
}

std::string ForwardTarget::tc_url() const {
  const uint16_t usual = scheme == "rtmps" ? 443 : 1935;
  Url url;
  url.host = host;
  url.port = port == usual ? 0 : port;
  return scheme + "://" + url.authority() + "/" + app;
}

namespace {

ForwardTarget parse_srt(std::string_view text, const Secret& key, const srt::ReadSecret& read) {
  const srt::Address address = srt::parse_address(text);
  ForwardTarget target;
  target.scheme = "srt";
  target.host = address.host;
  target.port = address.port;
  if (target.host.empty())
    throw Error(Exit::kUsage, "destination.url", "an SRT destination has no host",
                "write srt://HOST:PORT");
  target.srt = srt::settings_of(address, read);
  if (!key.empty()) target.srt.stream_id = key;
  return target;
}

}  // namespace

ForwardTarget parse_target(std::string_view text, const Secret& key, const srt::ReadSecret& read) {
  ForwardTarget target;
  const auto url = parse_url(text);
  if (url && url->scheme == "srt") return parse_srt(text, key, read);
  if (!url || (url->scheme != "rtmp" && url->scheme != "rtmps") || url->host.empty())
    throw Error(Exit::kUsage, "destination.url",
                url ? "cannot publish to " + url->redacted() : "the destination is no URL",
                "write rtmp://HOST/APP/KEY, rtmps://HOST/APP/KEY or srt://HOST:PORT");
  target.scheme = url->scheme;
  target.host = url->host;
  target.port = url->port != 0 ? url->port : url->scheme == "rtmps" ? 443 : 1935;
  std::string path = url->path.empty() ? std::string() : url->path.substr(1);
  if (!url->query.empty()) path += "?" + url->query;
  if (!key.empty()) {
    while (path.ends_with('/')) path.pop_back();
    target.app = path;
    target.key = key;
    return target;
  }
  // The key is the last segment, and all behind it; a slash in the query belongs to the key.
  const size_t end = std::min(path.find('?'), path.size());
  const size_t slash = path.rfind('/', end);
  if (slash == std::string::npos || slash == 0 || slash + 1 >= path.size())
    throw Error(Exit::kUsage, "destination.url", url->redacted() + " has no application and key",
                "write " + url->scheme + "://HOST/APP/KEY, or give key= a source");
  target.app = path.substr(0, slash);
  target.key = Secret(path.substr(slash + 1));
  return target;
}

bool is_on_air(ForwardState state) {
  return state == ForwardState::kLive || state == ForwardState::kDegraded ||
         state == ForwardState::kStalled;
}

bool says_taken(std::string_view words) {
  const std::string said = lower(words);
  for (const std::string_view hint : {"already", "in use", "busy"})
    if (said.find(hint) != said.npos) return true;
  return false;
}

std::optional<ForwardTarget> follow(const ForwardTarget& target, const Secret& text) {
  const auto url = parse_url(text.reveal());
  if (!url || url->host.empty()) return std::nullopt;
  if (url->scheme != "rtmps" && (url->scheme != "rtmp" || target.scheme == "rtmps"))
    return std::nullopt;
  ForwardTarget moved = parse_target(text.reveal(), target.key);
  if (moved.app.empty()) moved.app = target.app;
  return moved;
}

}  // namespace stream::media

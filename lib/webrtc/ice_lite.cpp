#include "webrtc/ice_lite.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <new>

namespace stream::webrtc {
namespace {

// RFC 8839 5.4: ice-char. 64 of them, so that six random bits make one.
constexpr std::string_view kIceCharacters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string random_text(size_t size) {
  std::array<uint8_t, 64> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(size)) != 1) throw std::bad_alloc();
  std::string text(size, 'A');
  for (size_t i = 0; i < size; ++i) text[i] = kIceCharacters[bytes[i] & 63];
  return text;
}

bool is_ice_text(std::string_view text, size_t least) {
  return text.size() >= least && text.size() <= 256 &&
         text.find_first_not_of(kIceCharacters) == std::string_view::npos;
}

}  // namespace

IceCredentials IceCredentials::make() {
  return {random_text(8), random_text(24)};
}

bool are_valid(const IceCredentials& credentials) {
  return is_ice_text(credentials.ufrag, 4) && is_ice_text(credentials.password, 22);
}

IceLite::IceLite(IceCredentials local, IceCredentials remote, Nanoseconds now)
    : current_{std::move(local), std::move(remote)}, heard_(now) {}

// RFC 8489 9.1.3 and RFC 8445 7.3. Errors about the credentials carry no integrity.
std::optional<std::vector<uint8_t>> IceLite::answer(const StunMessage& message, const Path& from,
                                                    Nanoseconds now) {
  if (message.kind != StunClass::kRequest || message.method != 1) return std::nullopt;
  const auto refuse = [&](uint16_t code, std::string_view reason, std::string_view password) {
    return StunWriter(StunClass::kError, message.transaction).error(code, reason).finish(password);
  };
  if (!message.username || !message.has_integrity) return refuse(400, "Bad Request", {});
  const auto is_for = [&](const Generation& generation) {
    const std::string_view name = *message.username;
    const auto& ours = generation.local.ufrag;
    return name.size() > ours.size() && name.starts_with(ours) && name[ours.size()] == ':' &&
           name.substr(ours.size() + 1) == generation.remote.ufrag;
  };
  const bool is_next = next_ && is_for(*next_);
  if (!is_next && !is_for(current_)) return refuse(401, "Unauthorized", {});
  const std::string password = (is_next ? *next_ : current_).local.password;
  if (!message.is_by(password)) return refuse(401, "Unauthorized", {});
  if (message.unknown_count > 0) {
    const size_t count = std::min(message.unknown_count, message.unknown.size());
    return StunWriter(StunClass::kError, message.transaction)
        .error(420, "Unknown Attribute")
        .unknown({message.unknown.data(), count})
        .finish(password);
  }
  // A lite agent cannot become the controlling one.
  if (message.controlled) return refuse(487, "Role Conflict", password);
  if (!message.priority) return refuse(400, "Bad Request", password);
  if (is_next && message.use_candidate) {
    current_ = std::move(*next_);
    next_.reset();
    ++changes_;
  }
  take(from, message.use_candidate, now);
  return StunWriter(StunClass::kSuccess, message.transaction).mapped(from.remote).finish(password);
}

void IceLite::take(const Path& from, bool nominates, Nanoseconds now) {
  heard_ = now;
  auto known = std::find_if(checked_.begin(), checked_.end(),
                            [&](const Checked& c) { return c.path.is_same_peer(from); });
  if (known == checked_.end()) {
    if (checked_.size() >= kMaxPaths) {  // the one that is silent the longest, but not the chosen
      auto oldest = checked_.end();
      for (auto it = checked_.begin(); it != checked_.end(); ++it)
        if ((!chosen_ || !it->path.is_same_peer(*chosen_)) &&
            (oldest == checked_.end() || it->at < oldest->at))
          oldest = it;
      checked_.erase(oldest);
    }
    checked_.push_back({from, now});
    ++changes_;
  } else {
    *known = {from, now};
  }
  if (nominates || !nominated_) chosen_ = from;
  nominated_ = nominated_ || nominates;
}

bool IceLite::is_checked(const Path& path) const {
  return std::any_of(checked_.begin(), checked_.end(),
                     [&](const Checked& c) { return c.path.is_same_peer(path); });
}

std::vector<Path> IceLite::checked() const {
  std::vector<Path> result;
  for (const auto& one : checked_) result.push_back(one.path);
  return result;
}

void IceLite::restart(IceCredentials local, IceCredentials remote) {
  next_ = Generation{std::move(local), std::move(remote)};
  ++changes_;
}

std::vector<std::string> IceLite::ufrags() const {
  std::vector<std::string> result{current_.local.ufrag};
  if (next_) result.push_back(next_->local.ufrag);
  return result;
}

}  // namespace stream::webrtc

#include "archive/mirror_rendition.h"

#include <algorithm>

namespace stream::archive {

namespace {

uint64_t end_of(const hls::MediaPlaylist& playlist) {
  return playlist.media_sequence + playlist.segments.size();
}

std::vector<std::string> uris_of(const hls::MediaPlaylist& playlist) {
  std::vector<std::string> out;
  for (const hls::Segment& segment : playlist.segments) {
    out.push_back(segment.uri);
    if (!segment.map.empty() && (out.size() < 2 || out[out.size() - 2] != segment.map))
      out.push_back(segment.map);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace

bool is_plain_uri(std::string_view uri) {
  if (uri.empty() || uri.size() > 500) return false;
  for (const char c : uri) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '.' || c == '_' || c == '-' || c == '/';
    if (!good) return false;
  }
  for (size_t from = 0; from <= uri.size();) {
    const size_t slash = std::min(uri.find('/', from), uri.size());
    const std::string_view part = uri.substr(from, slash - from);
    if (part.empty() || part.front() == '.') return false;
    from = slash + 1;
  }
  return true;
}

bool MirrorRendition::read(std::string_view text) {
  if (has_playlist_ && text == text_) return true;
  auto parsed = hls::parse_media_playlist(text);
  if (const auto* wrong = std::get_if<hls::ParseError>(&parsed)) {
    error_ = "line " + std::to_string(wrong->line) + ": " + wrong->reason;
    return false;
  }
  auto& next = std::get<hls::MediaPlaylist>(parsed);
  for (const hls::Segment& segment : next.segments) {
    if (is_plain_uri(segment.uri) && (segment.map.empty() || is_plain_uri(segment.map))) continue;
    error_ = "it lists what is not beneath it";
    return false;
  }
  // A count that went back is another output under the same names: nothing of it is there yet.
  const bool anew = has_playlist_ && end_of(next) < end_of(local_);
  if (anew) {
    for (auto& [uri, state] : files_)
      if (state != State::kSending) state = State::kFound;
    done_before_ = 0;
  }
  if (!has_playlist_ || anew) {
    counted_from_ = end_of(next);
    if (!next.segments.empty()) counted_from_ -= (next.segments.size() + 1) / 2;
  } else {
    count_skipped(next);
  }
  if (next.ended) done_before_ = 0;
  local_ = std::move(next);
  text_ = text;
  has_playlist_ = changed_ = true;
  return true;
}

void MirrorRendition::count_skipped(const hls::MediaPlaylist& next) {
  for (; counted_from_ < next.media_sequence; ++counted_from_) {
    const bool known = counted_from_ >= local_.media_sequence && counted_from_ < end_of(local_);
    if (!known || !is_ready(local_.segments[counted_from_ - local_.media_sequence])) ++skipped_;
  }
}

bool MirrorRendition::is(const std::string& uri, State state) const {
  const auto at = files_.find(uri);
  return at != files_.end() && at->second == state;
}

// A segment that is a gap here or there needs no file, but what it stands in has a map all the
// same.
bool MirrorRendition::is_ready(const hls::Segment& s) const {
  if (!s.map.empty() && !is(s.map, State::kStored) && !is(s.map, State::kAbsent)) return false;
  return s.gap || is(s.uri, State::kStored) || is(s.uri, State::kAbsent);
}

bool MirrorRendition::is_wanted(const std::string& uri) const {
  const auto at = files_.find(uri);
  return at == files_.end() || at->second == State::kFound;
}

// An EVENT playlist must be there from its start, and so must what has ended; of a window that
// moves on the older half is not worth it.
size_t MirrorRendition::first_wanted() const {
  const bool moves = local_.type == hls::PlaylistType::kLive && !local_.ended;
  return moves ? local_.segments.size() / 2 : 0;
}

std::optional<std::string> MirrorRendition::next_of(size_t index) {
  const hls::Segment& segment = local_.segments[index];
  for (const std::string* uri : {&segment.map, &segment.uri}) {
    if (uri->empty() || (uri == &segment.uri && segment.gap) || !is_wanted(*uri)) continue;
    files_[*uri] = State::kSending;
    return *uri;
  }
  return std::nullopt;
}

std::optional<std::string> MirrorRendition::next_file() {
  done_before_ = std::max(done_before_, local_.media_sequence + first_wanted());
  while (done_before_ < end_of(local_) &&
         is_ready(local_.segments[done_before_ - local_.media_sequence])) {
    ++done_before_;
  }
  for (size_t i = done_before_ - local_.media_sequence; i < local_.segments.size(); ++i)
    if (auto uri = next_of(i)) return uri;
  return std::nullopt;
}

void MirrorRendition::sent(const std::string& uri) {
  files_[uri] = State::kStored;
  changed_ = true;
}

void MirrorRendition::failed(const std::string& uri) {
  files_.erase(uri);
}

void MirrorRendition::absent(const std::string& uri) {
  files_[uri] = State::kAbsent;
  changed_ = true;
}

void MirrorRendition::found(const std::string& uri) {
  files_.emplace(uri, State::kFound);
}

// The segments that may be listed, [first, last): of an EVENT those from the start on, of a live
// window the newest run.
std::pair<size_t, size_t> MirrorRendition::visible() const {
  const auto& all = local_.segments;
  if (local_.type != hls::PlaylistType::kLive) {
    size_t end = 0;
    while (end < all.size() && is_ready(all[end])) ++end;
    return {0, end};
  }
  size_t end = all.size();
  while (end > 0 && !is_ready(all[end - 1])) --end;
  size_t first = end;
  while (first > 0 && is_ready(all[first - 1])) --first;
  return {first, end};
}

std::optional<std::string> MirrorRendition::next_playlist() {
  if (publishing_ || !changed_) return std::nullopt;
  changed_ = false;
  const auto [first, end] = visible();
  if (first == end) return std::nullopt;
  hls::MediaPlaylist cut = local_;
  cut.segments.assign(local_.segments.begin() + static_cast<ptrdiff_t>(first),
                      local_.segments.begin() + static_cast<ptrdiff_t>(end));
  cut.media_sequence += first;
  for (size_t i = 0; i < first; ++i)  // RFC 8216bis, 6.2.2
    cut.discontinuity_sequence += local_.segments[i].discontinuity;
  bool as_it_is = first == 0 && end == local_.segments.size();
  cut.ended = local_.ended && as_it_is;  // who reads ENDLIST never asks again
  for (hls::Segment& segment : cut.segments) {
    const bool lost = is(segment.uri, State::kAbsent) || is(segment.map, State::kAbsent);
    as_it_is = as_it_is && (!lost || segment.gap);
    segment.gap = segment.gap || lost;
  }
  pending_ = as_it_is ? text_ : hls::to_text(cut);
  if (pending_ == published_) return std::nullopt;
  pending_uris_ = uris_of(cut);
  pending_ended_ = cut.ended;
  publishing_ = true;
  return pending_;
}

void MirrorRendition::published(bool ok) {
  publishing_ = false;
  changed_ = changed_ || !ok;
  if (!ok) return;
  published_ = std::move(pending_);
  published_uris_ = std::move(pending_uris_);
  published_ended_ = pending_ended_;
  ever_published_ = true;
}

std::vector<std::string> MirrorRendition::take_removable(
    const std::function<bool(const std::string&)>& exists) {
  std::vector<std::string> out;
  if (!ever_published_ || publishing_) return out;
  const std::vector<std::string> listed = uris_of(local_);
  for (auto i = files_.begin(); i != files_.end();) {
    const auto& [uri, state] = *i;
    const bool kept =
        state == State::kSending || std::binary_search(listed.begin(), listed.end(), uri) ||
        std::binary_search(published_uris_.begin(), published_uris_.end(), uri) || exists(uri);
    if (kept) {
      ++i;
      continue;
    }
    if (state != State::kAbsent) out.push_back(uri);
    i = files_.erase(i);
  }
  return out;
}

uint64_t MirrorRendition::behind() const {
  uint64_t count = 0;
  const uint64_t from = std::max(done_before_, local_.media_sequence + first_wanted());
  for (uint64_t i = from; i < end_of(local_); ++i)
    count += !is_ready(local_.segments[i - local_.media_sequence]);
  return count;
}

}  // namespace stream::archive

// One rendition of an HLS output that is mirrored: which file goes next, what the store's playlist
// may say by now, which objects are no longer needed. Decisions only: no files, no store, no clock.
// The store's playlist never lists what is not there (A12); when the store is too slow for all of a
// live window, the newer half of it is what is sent.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hls/playlist.h"

namespace stream::archive {

// "720p/segment_000001.m4s": a path within the output, and nothing that leads elsewhere.
bool is_plain_uri(std::string_view uri);

class MirrorRendition {
 public:
  // The playlist as it is on the disk now. False when it can't be used; error() says why.
  bool read(std::string_view text);
  const std::string& error() const { return error_; }
  int target_seconds() const { return local_.target_seconds; }

  // The next file to send, which counts as under way from now on; nullopt: none for now.
  std::optional<std::string> next_file();
  void sent(const std::string& uri);
  void failed(const std::string& uri);  // to be sent again
  void absent(const std::string& uri);  // it is on this disk no more: listed as a gap
  // An object of that name was in the store before; what it holds is not known.
  void found(const std::string& uri);

  // What to publish, when that is not what is published; counts as under way until published().
  std::optional<std::string> next_playlist();
  void published(bool ok);
  bool is_live() const { return ever_published_; }
  bool ended() const { return published_ended_; }  // with ENDLIST
  bool will_end() const { return pending_ended_; }

  // In the store, listed nowhere, and no file any more by `exists`; forgotten when it returns.
  std::vector<std::string> take_removable(const std::function<bool(const std::string&)>& exists);

  uint64_t skipped() const { return skipped_; }  // left the window before they were in the store
  uint64_t behind() const;                       // listed on the disk, not in the store
  // The store has what there is now, ended or not.
  bool is_current() const { return !changed_ && !publishing_ && behind() == 0; }

 private:
  enum class State { kFound, kSending, kStored, kAbsent };
  bool is(const std::string& uri, State state) const;
  bool is_ready(const hls::Segment& segment) const;
  bool is_wanted(const std::string& uri) const;
  size_t first_wanted() const;
  std::optional<std::string> next_of(size_t index);
  void count_skipped(const hls::MediaPlaylist& next);
  std::pair<size_t, size_t> visible() const;

  hls::MediaPlaylist local_;
  std::string text_, error_;
  bool has_playlist_ = false;
  std::map<std::string, State> files_;
  std::string published_, pending_;
  std::vector<std::string> published_uris_, pending_uris_;  // sorted
  bool ever_published_ = false, publishing_ = false, published_ended_ = false,
       pending_ended_ = false, changed_ = false;
  uint64_t skipped_ = 0, counted_from_ = 0;
  uint64_t done_before_ = 0;  // all with lower numbers are ready: not looked at again
};

}  // namespace stream::archive

// What stream-serve answers: the list of streams, a page per stream, the player's files, and the
// media.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "http/message.h"
#include "http/static_files.h"
#include "programme.h"

namespace stream::serve {

struct StreamEntry {
  std::string name;
  // kComing: nothing of it is here yet.
  enum class State { kLive, kEnded, kInterrupted, kComing } state = State::kEnded;
  std::string title;   // else empty
  std::string coming;  // its next session, for people
  manifest::WallTime coming_start{};
  manifest::Rights rights{};  // of what is yet to come; what is here has a file that says them
};

class Site {
 public:
  // `directory`: empty where only live streams are watched. `player`: hls.js, or empty to look in
  // the usual places. `live`: streams have a page for WebRTC as well, NAME/live. `whip`: where
  // stream-ingest takes publishers, http://HOST:PORT; then there is NAME/publish. `group`: the
  // streams of the first page are those of that group, also what is yet to come. Throws Error for a
  // directory or a player that the user named and that can't be read.
  Site(const std::string& directory, const std::string& player, bool live = false,
       const std::string& whip = {}, const std::string& group = {});

  http::Response respond(const http::Request& request) const;
  // Subdirectories with a master.m3u8, live ones first, at most 1000; of a group its streams, live
  // ones first, then what comes.
  std::vector<StreamEntry> streams() const;
  std::vector<std::string> stream_names() const;
  // The list of streams names those only that pass, by what is true of its request.
  using Pass = std::function<bool(const StreamEntry& stream)>;
  void list_only(std::function<Pass(const http::Request&)> pass) { pass_for_ = std::move(pass); }

 private:
  std::string rows(const http::Request& request) const;
  std::vector<StreamEntry> found() const;
  std::vector<StreamEntry> of_group() const;
  http::Response asset(const std::string& name) const;
  http::Response page(const std::string& html) const;
  http::Response publisher_page(const std::string& name) const;
  bool has_master(const std::string& prefix) const;
  StreamEntry::State state_of(const std::string& prefix) const;
  // At most `max` bytes from the end or the start of a small file; empty when absent.
  std::string read_part(const std::string& path, bool from_end, time_t* modified = nullptr) const;

  http::StaticFiles files_;
  std::string title_, hls_js_;
  const bool live_;
  const std::string whip_;
  const std::unique_ptr<const Programme> programme_;
  std::function<Pass(const http::Request&)> pass_for_ = [](const http::Request&) {
    return [](const StreamEntry&) { return true; };
  };
};

}  // namespace stream::serve

// Who may see what, obeyed: the rights.json of an output's directory, for the recordings of an
// archive its catalogue, and for a live stream without such a file what its manifest says. What
// can't be read is shown to nobody. One thread.
#pragma once
#include <sys/stat.h>

#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "crypto/jwt.h"
#include "http/message.h"
#include "http/static_files.h"
#include "live_rights.h"
#include "manifest/rights.h"

namespace stream::serve {

class Guard {
 public:
  // `directory` may be empty: live streams are all there is. `key` checks tokens; without one
  // nobody sees what is not for everybody.
  Guard(const std::string& directory, std::optional<crypto::VerifyKey> key);

  struct Verdict {
    std::optional<http::Response> refusal;
    bool restricted = false;  // what is shown is not for everybody
    std::string cookie;       // so that what the page names is shown as well
  };
  Verdict judge(const http::Request& request, std::chrono::sys_seconds now);
  // What a verdict means for the response.
  static void mark(const Verdict& verdict, http::Response& response);
  // What the request's token says of whoever asks; null: it has none that holds.
  nlohmann::json viewer_of(const http::Request& request, std::chrono::sys_seconds now) const;
  // Whether a list for the viewer may name it: it is for everybody, or for him. `more`: rights that
  // stand in no file yet.
  bool listed(const std::string& stream, const manifest::Rights& more,
              const nlohmann::json& viewer);

 private:
  struct Entry {  // of the catalogue
    struct timespec modified {};
    ino_t inode = 0;
    bool settled = false;                    // a change would have another time stamp
    std::optional<manifest::Rights> rights;  // none: it can't be read
    std::vector<std::string> keys;
  };
  struct Folder {
    struct timespec modified {};
    bool settled = false;
    std::map<std::string, Entry> entries;  // by file name
  };

  std::vector<manifest::Rights> rights_on(const std::string& path);
  std::string real_path(const std::string& path) const;
  void collect(const std::string& path, std::vector<manifest::Rights>& out);
  void collect_live(const std::string& path, std::vector<manifest::Rights>& out);
  void collect_recording(const std::string& path, std::vector<manifest::Rights>& out);
  Folder* catalog_of(const std::string& stream);
  void read_catalog(const std::string& path, Folder& folder) const;
  Entry read_entry(const std::string& path, const struct stat& st) const;

  const http::StaticFiles files_;
  const std::string root_, title_;  // title_: of a stream that is the directory itself
  const std::optional<crypto::VerifyKey> key_;
  std::map<std::string, Folder> catalogs_;
  LiveRights live_;
};

}  // namespace stream::serve

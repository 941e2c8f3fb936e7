// Knows what every rendition of a ladder turned out to be and writes master.m3u8 from it: once each
// of them has a segment, and again when a declared bandwidth was exceeded or something else
// changed. Any thread.
#pragma once
#include <filesystem>
#include <map>
#include <mutex>
#include <string>

#include "hls/playlist.h"
#include "hls/rendition.h"

namespace stream::media {

class MasterBook {
 public:
  // `at_end`: it appears with finish() and not before.
  explicit MasterBook(std::filesystem::path directory, bool at_end = false);

  struct Entry {
    int order = 0;  // in the playlist
    bool audio = false;
    std::string codecs;
    int width = 0, height = 0, channels = 2;
    double frame_rate = 0;
    int64_t bit_rate = 0;  // what it is meant to have; 0: not known
    hls::Rates rates;      // measured
  };
  // `name` is announced by expect() and has its first segment with the first update().
  void expect(const std::string& name);
  void update(const std::string& name, const Entry& entry);
  // Declares the measured values only. Call after all renditions ended. Returns why the file is not
  // as it should be, or nothing.
  std::string finish();
  bool written() const;

 private:
  bool changed(const Entry& before, const Entry& now) const;
  void write(bool final);

  const std::filesystem::path path_;
  const bool at_end_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;
  std::map<std::string, bool> known_;
  std::map<std::string, uint64_t> declared_;  // peak that master.m3u8 says
  bool written_ = false;
  std::string failure_;  // of the last write
};

}  // namespace stream::media

// One file into a store: multipart with parallel parts, a journal on the disk so that a kill costs
// at most the parts under way, SHA-256 of every part and of the whole, never over an object that is
// there. Thread-safe: many upload() calls share the slots.
#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "archive/store.h"

namespace stream::archive {

// What was put, with what is needed to check it.
struct Receipt {
  std::string key, sha256, etag, content_type;
  uint64_t size = 0, part_size = 0;  // part_size 0: put in one piece
  std::vector<std::string> part_sha256;
  std::vector<ChatMessage> messages;  // of a chat: what holds it
  bool was_there = false;             // the same content was there already
  uint64_t sent_bytes = 0;            // of this run
};

struct UploadJob {
  std::string path, key;
  PutOptions options;
  std::string journal;  // the journal's file; removed at the end
};

struct UploadSettings {
  uint64_t part_size = 16 << 20;
  unsigned parallel = 4;  // parts under way, of all files together
};

class Uploader {
 public:
  Uploader(Store& store, UploadSettings settings);

  // Bytes that the store has, of those that are known; from any thread.
  using Progress = std::function<void(uint64_t done, uint64_t size)>;
  // For a file that another thread still appends to: blocks until it is longer than `size` or has
  // ended; says its size and whether it has ended.
  using Growth = std::function<std::pair<uint64_t, bool>(uint64_t size)>;

  Receipt upload(const UploadJob& job, const Progress& progress = nullptr,
                 const Growth& growth = nullptr);

 private:
  struct Run;
  Receipt upload_once(const UploadJob& job, const Progress& progress, const Growth& growth,
                      bool may_begin_again);
  void follow(Run& run);
  void open_journal(Run& run);
  void read_journal(Run& run);
  void check_with_store(Run& run);
  Receipt put_whole(Run& run);
  Receipt put_parts(Run& run);
  void send_parts(Run& run);
  void send_part(Run& run, int number, uint64_t offset, uint64_t size);
  void hash_whole(Run& run);
  Receipt compare_with_there(Run& run);

  Store& store_;
  UploadSettings settings_;
  std::mutex slots_mutex_;
  std::condition_variable slots_changed_;
  unsigned free_slots_;
};

// Unfinished uploads whose journal is in `directory` and whose file is gone or has changed: aborted
// in the store and forgotten. Never another's. How many there were.
int abort_orphans(Store& store, const std::string& directory);

}  // namespace stream::archive

// Where objects live: one interface, one conformance suite (tests/unit/archive/store_test.cpp) that
// every store passes. A key is a path without a leading '/'. An object appears whole or not at all.
// All calls block and may come from any thread. What can't be done is thrown as Error:
// "archive.exists" for a key that is taken, "archive.absent" for one that is not there,
// "archive.refused" for what trying again can't mend, "archive.network" when the patience of the
// store's settings is over, "archive.stopped" after stop().
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stream::archive {

using WallTime = std::chrono::system_clock::time_point;

// Bytes that can be read more than once, because a try may fail.
struct Source {
  uint64_t size = 0;
  // Fills `out` from `offset`; fewer only at the end. SIZE_MAX: they can't be read any more.
  std::function<size_t(uint64_t offset, std::span<char> out)> read;
  std::string sha256;  // hex, or empty: the store finds out itself when it needs it
};
Source source_of(std::string text);  // keeps it
// `size` bytes of an open file from `offset`; the descriptor is borrowed.
Source source_of(int fd, uint64_t offset, uint64_t size);

struct PutOptions {
  std::string content_type = "application/octet-stream", cache_control;
  std::map<std::string, std::string> metadata;  // names in lower case: letters, digits, '-'
  bool create_only = false;                     // never replace what is there
};

struct Object {
  std::string key;
  uint64_t size = 0;
  std::string etag;  // opaque; changes with the content
  WallTime modified{};
  std::string content_type, cache_control;      // of head() only
  std::map<std::string, std::string> metadata;  // of head() only
};

struct Page {
  std::vector<Object> objects;
  std::vector<std::string> prefixes;  // when a delimiter was given
  std::string next;                   // pass it for the next page; empty: that was all
};

struct Part {
  int number = 0;  // from 1
  uint64_t offset = 0, size = 0;
  std::string etag;
};

struct Upload {
  std::string key, id;
  WallTime begun{};
};

// Where a chat keeps an object, or a part of one.
struct ChatMessage {
  std::string chat;
  int64_t id = 0;
  std::string file_id;
  uint64_t size = 0;
};

using Sink = std::function<bool(std::string_view)>;

class Store {
 public:
  virtual ~Store() = default;
  virtual std::string url(const std::string& key) const = 0;  // for people; no secrets

  // The new object's ETag.
  virtual std::string put(const std::string& key, const Source& source,
                          const PutOptions& options) = 0;

  // Multipart: part sizes are equal but for the last. An upload that the store does not know any
  // more is Error "archive.upload".
  virtual std::string begin_upload(const std::string& key, const PutOptions& options) = 0;
  virtual Part put_part(const std::string& key, const std::string& upload, Part part,
                        const Source& source) = 0;
  // What the store has of it, without offsets; nullopt when this store can't say.
  virtual std::optional<std::vector<Part>> parts(const std::string& key,
                                                 const std::string& upload) = 0;
  virtual std::string finish_upload(const std::string& key, const std::string& upload,
                                    const std::vector<Part>& parts, const PutOptions& options) = 0;
  virtual void abort_upload(const std::string& key, const std::string& upload) = 0;
  // Unfinished ones beneath a prefix; empty when this store can't say.
  virtual std::vector<Upload> uploads(const std::string& prefix) = 0;

  virtual std::optional<Object> head(const std::string& key) = 0;
  // [offset, offset + size), cut to what is there; Error "archive.absent" without the object. The
  // sink gets every byte once, in order; a broken answer is continued where it broke.
  virtual void get(const std::string& key, uint64_t offset, uint64_t size, const Sink& sink) = 0;
  // Sorted by key. `after`: Page::next of the page before.
  virtual Page list(const std::string& prefix, const std::string& after, bool by_folder) = 0;
  virtual void remove(const std::vector<std::string>& keys) = 0;  // absent ones are no error
  // A URL by which anybody may GET (or PUT) it. Error "archive.unsupported" where there is none.
  virtual std::string presign(const std::string& method, const std::string& key,
                              std::chrono::seconds life) = 0;
  // The store's own clock, where it has one.
  virtual std::optional<WallTime> time() { return std::nullopt; }
  // The bucket's lifecycle rules, as XML; Error "archive.unsupported" where there are none.
  virtual void put_lifecycle(const std::string& xml) = 0;
  // The least part size, the most parts.
  virtual uint64_t min_part() const { return 1; }
  virtual int max_parts() const { return 10'000; }
  // Of a store that is a chat: what holds the object, in order.
  virtual std::vector<ChatMessage> messages(const std::string&) { return {}; }
  virtual void stop() {}  // from any thread: whoever waits gets Error "archive.stopped"
};

// Throws Error kUsage "archive.key" for an empty key, one that begins or ends with '/', holds "//",
// "." or ".." as a part, control characters, or has more than 1,024 bytes.
void check_key(const std::string& key);

// Every object beneath `prefix`, page by page.
void for_each_object(Store& store, const std::string& prefix,
                     const std::function<void(const Object&)>& visit);
std::string get_text(Store& store, const std::string& key, size_t max = 16 << 20);

}  // namespace stream::archive

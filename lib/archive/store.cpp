#include "archive/store.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/text.h"

namespace stream::archive {

Source source_of(std::string text) {
  auto kept = std::make_shared<const std::string>(std::move(text));
  Source source;
  source.size = kept->size();
  source.read = [kept](uint64_t offset, std::span<char> out) {
    const size_t from = static_cast<size_t>(std::min<uint64_t>(offset, kept->size()));
    const size_t n = std::min(out.size(), kept->size() - from);
    std::memcpy(out.data(), kept->data() + from, n);
    return n;
  };
  return source;
}

Source source_of(int fd, uint64_t offset, uint64_t size) {
  Source source;
  source.size = size;
  source.read = [fd, offset, size](uint64_t at, std::span<char> out) -> size_t {
    const size_t wanted =
        static_cast<size_t>(std::min<uint64_t>(out.size(), size - std::min(at, size)));
    size_t got = 0;
    while (got < wanted) {
      const ssize_t n =
          ::pread(fd, out.data() + got, wanted - got, static_cast<off_t>(offset + at + got));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return n < 0 || got == 0 ? SIZE_MAX : got;  // the file has become shorter
      got += static_cast<size_t>(n);
    }
    return got;
  };
  return source;
}

void check_key(const std::string& key) {
  const auto bad = [&](const char* why) {
    throw Error(Exit::kUsage, "archive.key", "\"" + escaped(key) + "\" can't be a key: " + why,
                "keys are paths such as demo/recording/a.mp4");
  };
  if (key.empty()) bad("it is empty");
  if (key.size() > 1024) bad("it has more than 1,024 bytes");
  if (std::any_of(key.begin(), key.end(), [](char c) { return (c >= 0 && c < 32) || c == 127; }))
    bad("it holds control characters");
  for (size_t from = 0; from <= key.size();) {
    const size_t slash = std::min(key.find('/', from), key.size());
    const std::string_view part = std::string_view(key).substr(from, slash - from);
    if (part.empty()) bad("a part of it is empty");
    if (part == "." || part == "..") bad("a part of it is \".\" or \"..\"");
    if (part.size() > 255) bad("a part of it has more than 255 bytes");
    from = slash + 1;
  }
}

void for_each_object(Store& store, const std::string& prefix,
                     const std::function<void(const Object&)>& visit) {
  std::string after;
  do {
    const Page page = store.list(prefix, after, false);
    for (const Object& object : page.objects) visit(object);
    if (page.next == after && !after.empty()) {
      throw Error(Exit::kNetwork, "archive.network",
                  store.url(prefix) + ": the listing does not move on");
    }
    after = page.next;
  } while (!after.empty());
}

std::string get_text(Store& store, const std::string& key, size_t max) {
  std::string text;
  store.get(key, 0, max + 1, [&](std::string_view bytes) {
    text += bytes;
    return text.size() <= max;
  });
  if (text.size() > max) {
    throw Error(Exit::kConfig, "archive.damaged",
                store.url(key) + " is larger than what it should be");
  }
  return text;
}

}  // namespace stream::archive

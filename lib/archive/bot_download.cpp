#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "archive/bot_api.h"
#include "base/error.h"
#include "base/text.h"
#include "os/fd.h"

namespace stream::archive {

using Json = nlohmann::json;

// A file on its way out of the chat.
struct BotApi::Download {
  uint64_t skip = 0, left = 0;  // of the next try; to be delivered still
  const Sink& sink;
  bool ended = false;  // the sink wants no more

  // False: no more is wanted.
  bool take(std::string_view bytes, uint64_t& passed) {
    const uint64_t before = std::min<uint64_t>(skip - std::min(skip, passed), bytes.size());
    passed += bytes.size();
    bytes.remove_prefix(static_cast<size_t>(before));
    bytes = bytes.substr(0, static_cast<size_t>(std::min<uint64_t>(left, bytes.size())));
    if (!bytes.empty()) {
      left -= bytes.size();
      ended = !sink(bytes);
    }
    return !ended && left > 0;
  }
};

// A server of one's own names a file on its own disk. It is read when it can be, which is on the
// same machine: never anything but a plain file of the right size.
bool BotApi::read_here(const std::string& path, Download& download) {
  const os::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat st {};
  if (!file || ::fstat(file.get(), &st) != 0 || !S_ISREG(st.st_mode) ||
      static_cast<uint64_t>(st.st_size) < download.skip + download.left) {
    return false;
  }
  std::vector<char> buffer(256 << 10);
  const Source source = source_of(file.get(), 0, static_cast<uint64_t>(st.st_size));
  for (uint64_t passed = 0;;) {
    const size_t n = source.read(passed, buffer);
    if (n == SIZE_MAX || n == 0) return download.left == 0;
    if (!download.take({buffer.data(), n}, passed)) return true;
  }
}

void BotApi::download(const ChatMessage& message, uint64_t offset, uint64_t size, const Sink& sink,
                      const std::string& what) {
  const auto too_large = [&] {
    throw Error(Exit::kRefused, "archive.large",
                what + ": a part of " + std::to_string(message.size) +
                    " bytes can't be fetched: the hosted Bot API gives out at most 20 MB",
                "name a Bot API server of your own with --endpoint, or save it from the chat by "
                "hand; parts put with --part-size 19MB can be fetched");
  };
  if (message.size > download_limit()) too_large();
  Download download{offset, size, sink};
  const Nanoseconds began = world_.monotonic();
  for (int tries = 1; download.left > 0 && !download.ended; ++tries) {
    const BotAnswer answer = ask("getFile", Json{{"file_id", message.file_id}}.dump(), what);
    if (!answer.ok && answer.description.find("file is too big") != std::string::npos) too_large();
    if (!answer.ok && answer.code == 400) {
      throw Error(Exit::kNo, "archive.absent",
                  what + ": the server gives out no such file: " + escaped(answer.description),
                  "files belong to the bot that sent them: pass its token");
    }
    if (!answer.ok || !answer.file) refuse(answer, what);
    const std::string& path = answer.file->path;
    if (!is_hosted() && path.starts_with("/") && read_here(path, download)) return;
    if (!is_bot_file_path(path)) {
      throw Error(Exit::kRefused, "archive.refused",
                  what + ": the server names a file that can't be read here",
                  "run this on the server's machine, or start the server without --local");
    }
    fetch::Transfer transfer;
    transfer.url = address("/file", path);
    transfer.limits = options_.limits;
    uint64_t passed = 0;
    const uint64_t before = download.left;
    transfer.sink = [&](std::string_view bytes) { return download.take(bytes, passed); };
    const fetch::Answer http = world_.send(transfer);
    explicit_bzero(transfer.url.data(), transfer.url.size());
    if (download.left == 0 || download.ended) return;
    if (http.cancelled) check_stopped();
    download.skip += before - download.left;
    if (before != download.left) tries = 1;
    if (http.status == 200 && before == download.left) {
      throw Error(Exit::kInputDamaged, "archive.damaged",
                  what + ": the server gives out fewer bytes than were sent");
    }
    std::string reason = clean(http.failure);
    if (http.status != 0) reason = "HTTP " + std::to_string(http.status);
    if (http.status == 401 || http.status == 403) {
      BotAnswer refusal;
      refusal.code = http.status;
      refuse(refusal, what);
    }
    pause(began, backoff(tries), tries, escaped(reason), what);
  }
}

}  // namespace stream::archive

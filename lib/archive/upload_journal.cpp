#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "archive/hash.h"
#include "archive/upload_run.h"
#include "base/error.h"
#include "os/atomic_file.h"

namespace stream::archive {

namespace {

using Json = nlohmann::json;

constexpr size_t kMaxJournal = 64 << 20;

// Journals are NDJSON: a head, then a line per part that the store has. A line that a crash cut off
// is left out.
std::vector<Json> read_lines(const std::string& path) {
  std::vector<Json> lines;
  if (path.empty() || ::access(path.c_str(), R_OK) != 0) return lines;
  const std::string text = os::read_file(path, kMaxJournal);
  for (size_t from = 0; from < text.size();) {
    const size_t end = text.find('\n', from);
    if (end == std::string::npos) break;
    Json line = Json::parse(text.begin() + static_cast<long>(from),
                            text.begin() + static_cast<long>(end), nullptr, false);
    if (!line.is_object()) break;
    lines.push_back(std::move(line));
    from = end + 1;
  }
  return lines;
}

}  // namespace

std::string identity_of(const struct stat& st) {
  return std::to_string(st.st_ino) + "-" + std::to_string(st.st_size) + "-" +
         std::to_string(st.st_mtim.tv_sec) + "." + std::to_string(st.st_mtim.tv_nsec);
}

// Takes over what the journal of an earlier run says, when it is of this very file.
void Uploader::read_journal(Run& run) {
  const std::vector<Json> lines = read_lines(run.job.journal);
  if (lines.empty()) return;
  const Json& head = lines[0];
  const std::string upload = head.value("upload", std::string());
  if (upload.empty() || head.value("key", std::string()) != run.job.key) return;
  // A file that only grew is known by its name: what was sent of it stands.
  const std::string file = head.value("file", std::string());
  const bool grew = file.empty() && head.value("path", std::string()) == run.job.path;
  if (run.identity.empty() || (file != run.identity && !grew)) {
    store_.abort_upload(run.job.key, upload);  // another file's, or it has changed
    return;
  }
  run.upload = upload;
  run.part_size = head.value("part_size", uint64_t{0});
  run.options.metadata["writer"] = head.value("writer", std::string());
  for (size_t i = 1; i < lines.size(); ++i) {
    const Json& line = lines[i];
    run.sent[line.value("part", 0)] = {line.value("size", uint64_t{0}),
                                       line.value("etag", std::string()),
                                       line.value("sha256", std::string())};
  }
  if (run.part_size == 0) run.upload.clear(), run.sent.clear();
}

// What the store has counts: the journal may know less (killed before it was written), never more.
void Uploader::check_with_store(Run& run) {
  std::optional<std::vector<Part>> there;
  try {
    there = store_.parts(run.job.key, run.upload);
  } catch (const Error& error) {
    if (error.id() != "archive.upload") throw;
    run.upload.clear();
    run.sent.clear();
    return;
  }
  if (!there) return;
  std::map<int, Sent> confirmed;
  for (const Part& part : *there) {
    const auto known = run.sent.find(part.number);
    const uint64_t offset = static_cast<uint64_t>(part.number - 1) * run.part_size;
    if (known != run.sent.end() && known->second.etag == part.etag) {
      confirmed[part.number] = known->second;
    } else if (offset < run.size && part.size == std::min(run.part_size, run.size - offset)) {
      // Not in the journal: ours if the ETag is a hash of these bytes.
      Md5 md5;
      const std::string sha256 = sha256_of(source_of(run.file.get(), offset, part.size),
                                           [&](std::string_view bytes) { md5.add(bytes); });
      if (part.etag == "\"" + md5.hex() + "\"" || part.etag == sha256)
        confirmed[part.number] = {part.size, part.etag, sha256};
    }
  }
  run.sent = std::move(confirmed);
}

void Uploader::open_journal(Run& run) {
  const Json head = {{"schema", "stream.upload/1"}, {"path", run.job.path},
                     {"key", run.job.key},          {"store", store_.url("")},
                     {"file", run.identity},        {"upload", run.upload},
                     {"part_size", run.part_size},  {"writer", run.options.metadata["writer"]}};
  std::string text = head.dump() + "\n";
  for (const auto& [number, part] : run.sent) {
    text +=
        Json{{"part", number}, {"size", part.size}, {"etag", part.etag}, {"sha256", part.sha256}}
            .dump() +
        "\n";
    run.done_bytes += part.size;
  }
  if (run.job.journal.empty()) return;
  os::write_file(run.job.journal, text, os::Sync::kYes, 0600);
  run.journal = os::Fd(::open(run.job.journal.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  if (!run.journal) throw_errno("open", run.job.journal, errno);
}

int abort_orphans(Store& store, const std::string& directory) {
  int count = 0;
  std::error_code ignored;
  for (std::filesystem::directory_iterator at(directory, ignored), end; !ignored && at != end;
       at.increment(ignored)) {
    if (at->path().extension() != ".upload") continue;
    const std::vector<Json> lines = read_lines(at->path());
    if (lines.empty() || lines[0].value("store", std::string()) != store.url("")) continue;
    const std::string path = lines[0].value("path", std::string());
    struct stat st {};
    const std::string file = lines[0].value("file", std::string());
    if (::stat(path.c_str(), &st) == 0 && (file.empty() || identity_of(st) == file)) continue;
    store.abort_upload(lines[0].value("key", std::string()),
                       lines[0].value("upload", std::string()));
    ::unlink(at->path().c_str());
    ++count;
  }
  return count;
}

}  // namespace stream::archive

#include "archive/upload.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <thread>

#include "archive/hash.h"
#include "archive/upload_run.h"
#include "base/error.h"
#include "crypto/encoding.h"
#include "crypto/hash.h"

namespace stream::archive {

namespace {

using Json = nlohmann::json;

constexpr uint64_t kMiB = 1 << 20;

struct stat examine(int fd, const std::string& path) {
  struct stat st {};
  if (::fstat(fd, &st) != 0) throw_errno("examine", path, errno);
  return st;
}

}  // namespace

Uploader::Uploader(Store& store, UploadSettings settings)
    : store_(store), settings_(settings), free_slots_(std::max(1u, settings.parallel)) {}

void Uploader::send_part(Run& run, int number, uint64_t offset, uint64_t size) {
  {
    std::unique_lock lock(slots_mutex_);
    slots_changed_.wait(lock, [this] { return free_slots_ > 0; });
    --free_slots_;
  }
  struct Release {
    Uploader& up;
    ~Release() {
      const std::lock_guard lock(up.slots_mutex_);
      ++up.free_slots_;
      up.slots_changed_.notify_one();
    }
  } release{*this};
  {
    const std::lock_guard lock(run.mutex);
    if (run.error) return;
  }
  Source source = source_of(run.file.get(), offset, size);
  source.sha256 = sha256_of(source);
  const Part part = store_.put_part(run.job.key, run.upload, {number, offset, size, {}}, source);
  const std::string line =
      Json{{"part", number}, {"size", size}, {"etag", part.etag}, {"sha256", source.sha256}}
          .dump() +
      "\n";
  if (run.journal) {
    const Bytes bytes{reinterpret_cast<const uint8_t*>(line.data()), line.size()};
    if (const int error = os::write_all(run.journal.get(), bytes); error != 0)
      throw_errno("write", run.job.journal, error);
  }
  {
    const std::lock_guard lock(run.mutex);
    run.sent[number] = {size, part.etag, source.sha256};
    run.done_bytes += size;
    run.sent_bytes += size;
  }
  run.tell();
}

// One of several threads that take parts in order as they become whole.
void Uploader::send_parts(Run& run) {
  for (;;) {
    int number = 0;
    uint64_t offset = 0, size = 0;
    {
      std::unique_lock lock(run.mutex);
      for (;;) {
        while (run.sent.count(run.next) > 0) ++run.next;
        offset = static_cast<uint64_t>(run.next - 1) * run.part_size;
        if (run.error || (run.ended && offset >= run.size)) return;
        if (run.ended || offset + run.part_size <= run.size) break;
        run.changed.wait(lock);
      }
      number = run.next++;
      size = std::min(run.part_size, run.size - offset);
    }
    if (number > store_.max_parts()) {
      throw Error(Exit::kUsage, "archive.parts",
                  run.job.path + " has more parts than the store takes",
                  "use larger ones: --part-size 64MiB");
    }
    send_part(run, number, offset, size);
  }
}

void Uploader::hash_whole(Run& run) {
  crypto::Sha256 hash;
  std::vector<char> buffer(256 << 10);
  for (uint64_t at = 0;;) {
    {
      std::unique_lock lock(run.mutex);
      run.changed.wait(lock, [&] { return run.error || run.ended || at < run.size; });
      if (run.error) return;
      if (at >= run.size) break;
    }
    const ssize_t n = ::pread(run.file.get(), buffer.data(), buffer.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_errno("read", run.job.path, errno);
    if (n == 0) {
      throw Error(Exit::kInputDamaged, "archive.changed",
                  run.job.path + " became shorter while it was read");
    }
    hash.add(crypto::bytes_of({buffer.data(), static_cast<size_t>(n)}));
    at += static_cast<uint64_t>(n);
  }
  run.whole_sha256 = crypto::hex(hash.finish());
}

// Tells the threads how far the file has come.
void Uploader::follow(Run& run) {
  for (;;) {
    uint64_t size = 0;
    {
      const std::lock_guard lock(run.mutex);
      if (run.ended || run.error) return;
      size = run.size;
    }
    const auto [now, ended] = run.growth(size);
    const std::lock_guard lock(run.mutex);
    run.size = now;
    run.ended = ended;
    run.changed.notify_all();
  }
}

Receipt Uploader::put_parts(Run& run) {
  read_journal(run);
  if (!run.upload.empty()) check_with_store(run);
  if (run.upload.empty()) {
    const uint64_t needed = (run.size / 9000 + kMiB - 1) / kMiB * kMiB;
    run.part_size = std::max({settings_.part_size, store_.min_part(), needed});
    run.upload = store_.begin_upload(run.job.key, run.options);
  }
  open_journal(run);
  run.tell();
  std::vector<std::thread> threads;
  const auto guarded = [&run](auto work) {
    return [&run, work] {
      try {
        work();
      } catch (...) {
        run.fail(std::current_exception());
      }
    };
  };
  threads.emplace_back(guarded([&] { hash_whole(run); }));
  const uint64_t parts = run.growth ? settings_.parallel : run.size / run.part_size + 1;
  for (uint64_t i = 0; i < std::min<uint64_t>(settings_.parallel, parts); ++i)
    threads.emplace_back(guarded([&] { send_parts(run); }));
  guarded([&] { follow(run); })();
  for (std::thread& thread : threads) thread.join();
  if (run.error) std::rethrow_exception(run.error);
  if (!run.identity.empty() && identity_of(examine(run.file.get(), run.job.path)) != run.identity) {
    store_.abort_upload(run.job.key, run.upload);
    ::unlink(run.job.journal.c_str());
    throw Error(Exit::kInputDamaged, "archive.changed",
                run.job.path + " changed while it was uploaded",
                "put it again when it is finished");
  }
  Receipt receipt;
  std::vector<Part> list;
  for (const auto& [number, part] : run.sent) {
    list.push_back(
        {number, static_cast<uint64_t>(number - 1) * run.part_size, part.size, part.etag});
    receipt.part_sha256.push_back(part.sha256);
  }
  receipt.etag = store_.finish_upload(run.job.key, run.upload, list, run.options);
  receipt.part_size = run.part_size;
  return receipt;
}

Receipt Uploader::put_whole(Run& run) {
  {
    std::unique_lock lock(slots_mutex_);
    slots_changed_.wait(lock, [this] { return free_slots_ > 0; });
    --free_slots_;
  }
  struct Release {
    Uploader& up;
    ~Release() {
      const std::lock_guard lock(up.slots_mutex_);
      ++up.free_slots_;
      up.slots_changed_.notify_one();
    }
  } release{*this};
  Source source = source_of(run.file.get(), 0, run.size);
  source.sha256 = run.whole_sha256 = sha256_of(source);
  run.options.metadata["sha256"] = source.sha256;
  Receipt receipt;
  receipt.etag = store_.put(run.job.key, source, run.options);
  run.done_bytes = run.sent_bytes = run.size;
  run.tell();
  return receipt;
}

// The key is taken. By the same content: then it is done already.
Receipt Uploader::compare_with_there(Run& run) {
  const auto there = store_.head(run.job.key);
  if (!there || there->size != run.size) {
    throw Error(Exit::kNotAllowed, "archive.exists",
                store_.url(run.job.key) + " exists already and is another file",
                "nothing is overwritten: put it under another prefix, or delete that one first");
  }
  const std::string ours = sha256_of(source_of(run.file.get(), 0, run.size));
  std::string theirs;
  if (const auto said = there->metadata.find("sha256"); said != there->metadata.end()) {
    theirs = said->second;
  } else {
    crypto::Sha256 hash;
    store_.get(run.job.key, 0, UINT64_MAX, [&](std::string_view bytes) {
      hash.add(crypto::bytes_of(bytes));
      return true;
    });
    theirs = crypto::hex(hash.finish());
  }
  if (ours != theirs) {
    throw Error(Exit::kNotAllowed, "archive.exists",
                store_.url(run.job.key) + " exists already and is another file",
                "nothing is overwritten: put it under another prefix, or delete that one first");
  }
  run.whole_sha256 = ours;
  Receipt receipt;
  receipt.etag = there->etag;
  receipt.was_there = true;
  return receipt;
}

Receipt Uploader::upload(const UploadJob& job, const Progress& progress, const Growth& growth) {
  return upload_once(job, progress, growth, true);
}

Receipt Uploader::upload_once(const UploadJob& job, const Progress& progress, const Growth& growth,
                              bool may_begin_again) {
  Run run(job, progress, growth);
  run.file = os::Fd(::open(job.path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!run.file) throw_errno("open", job.path, errno);
  const struct stat st = examine(run.file.get(), job.path);
  if (!S_ISREG(st.st_mode)) {
    throw Error(Exit::kUsage, "archive.file", job.path + " is not a file",
                "pipe it in: stream-archive put --stdin");
  }
  run.options = job.options;
  run.options.create_only = true;
  run.options.metadata["writer"] = crypto::hex(crypto::random_bytes(16));
  if (growth) {
    while (!run.ended && run.size <= settings_.part_size)
      std::tie(run.size, run.ended) = growth(run.size);
  } else {
    run.size = static_cast<uint64_t>(st.st_size);
    run.ended = true;
    run.identity = identity_of(st);
  }
  Receipt receipt;
  try {
    receipt = run.ended && run.size <= settings_.part_size ? put_whole(run) : put_parts(run);
  } catch (const Error& error) {
    if (error.id() == "archive.upload" && !run.upload.empty() && !growth && may_begin_again) {
      if (!job.journal.empty()) ::unlink(job.journal.c_str());
      return upload_once(job, progress, growth, false);
    }
    if (error.id() != "archive.exists" || !run.ended) throw;
    if (!run.upload.empty()) store_.abort_upload(job.key, run.upload);
    if (!job.journal.empty()) ::unlink(job.journal.c_str());
    receipt = compare_with_there(run);
  }
  receipt.key = job.key;
  receipt.size = run.size;
  receipt.sha256 = run.whole_sha256;
  receipt.sent_bytes = run.sent_bytes;
  receipt.content_type = job.options.content_type;
  if (!job.journal.empty()) ::unlink(job.journal.c_str());
  return receipt;
}

}  // namespace stream::archive

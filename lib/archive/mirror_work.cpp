// The part of the mirror that talks to the store, on the workers' threads.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "archive/deposit.h"
#include "archive/hash.h"
#include "archive/mirror.h"
#include "base/log.h"
#include "os/fd.h"

namespace stream::archive {

namespace {

// A name never stands for two contents while the output lives; facts of a playlist change.
constexpr char kForever[] = "public, max-age=31536000, immutable";
constexpr char kGrowing[] = "public, max-age=1";
constexpr char kFinal[] = "public, max-age=3600";

WallTime changed_of(const struct stat& st) {
  return WallTime(std::chrono::duration_cast<WallTime::duration>(
      std::chrono::seconds(st.st_ctim.tv_sec) + std::chrono::nanoseconds(st.st_ctim.tv_nsec)));
}

// ETags of one piece: MD5 in S3, SHA-256 in a directory. Anything else proves nothing.
bool is_same(const Object& there, const Source& source) {
  std::string etag = there.etag;
  etag.erase(std::remove(etag.begin(), etag.end(), '"'), etag.end());
  if (there.size != source.size) return false;
  if (etag.size() == 64) return sha256_of(source) == etag;
  if (etag.size() != 32) return false;
  Md5 md5;
  sha256_of(source, [&](std::string_view bytes) { md5.add(bytes); });
  return md5.hex() == etag;
}

}  // namespace

FileMark mark_of(const std::string& path) {
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) return {};
  return {st.st_ino, static_cast<uint64_t>(st.st_size), changed_of(st)};
}

bool FileMark::is_settled() const {
  const auto age = wall_now() - changed;
  return age > std::chrono::milliseconds(100) && changed != WallTime();
}

void Mirror::work() {
  while (auto job = jobs_.pop()) {
    Result result = perform(std::move(*job));
    {
      const std::lock_guard lock(mutex_);
      results_.push_back(std::move(result));
    }
    const uint64_t one = 1;
    if (::write(wake_.get(), &one, sizeof one) < 0) log::debug("eventfd is full");
  }
}

Mirror::Result Mirror::perform(Job job) {
  Result result;
  try {
    if (job.kind == Kind::kFile) {
      perform_file(job, result);
    } else if (job.kind == Kind::kRemoval) {
      store_.remove(job.keys);
    } else {
      PutOptions options;
      options.content_type = content_type_of(job.uri);
      options.cache_control = job.ended ? kFinal : kGrowing;
      result.bytes = job.text.size();
      store_.put(options_.prefix + job.folder + job.uri, source_of(job.text), options);
      result.visible = wall_now();
    }
  } catch (const Error& error) {
    result.outcome = Result::Outcome::kFailed;
    result.error = error;
  }
  if (job.kind != Kind::kFile) result.changed = job.changed;
  result.job = std::move(job);
  return result;
}

void Mirror::perform_file(const Job& job, Result& result) {
  const std::string path = options_.directory + "/" + job.folder + job.uri;
  const os::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file && errno == ENOENT) {
    result.outcome = Result::Outcome::kAbsent;
    return;
  }
  struct stat st {};
  if (!file || ::fstat(file.get(), &st) != 0) throw_errno("read", path, errno);
  const Source source = source_of(file.get(), 0, static_cast<uint64_t>(st.st_size));
  if (!job.there.key.empty() && is_same(job.there, source)) return;
  PutOptions options;
  options.content_type = content_type_of(job.uri);
  options.cache_control = kForever;
  store_.put(options_.prefix + job.folder + job.uri, source, options);
  result.changed = changed_of(st);
  result.visible = wall_now();
  result.bytes = source.size;
}

}  // namespace stream::archive

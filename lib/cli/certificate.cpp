#include "cli/certificate.h"

#include <sys/stat.h>

#include "base/error.h"
#include "base/log.h"
#include "cli/secret_source.h"

namespace stream::cli {
namespace {

using namespace std::chrono_literals;
constexpr auto kLookAtFiles = 2s;
constexpr auto kWarnBefore = std::chrono::hours(24 * 14);

void mix(uint64_t& stamp, const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return;
  for (const auto value :
       {static_cast<uint64_t>(status.st_mtim.tv_sec), static_cast<uint64_t>(status.st_mtim.tv_nsec),
        static_cast<uint64_t>(status.st_ino)})
    stamp = (stamp ^ value) * 0x100000001B3;
}

}  // namespace

Certificate::Certificate(boost::asio::io_context& io, control::Service& service,
                         const TlsBundle& files)
    : service_(service), file_(files.certificate), key_(files.key), timer_(io) {
  identity_.emplace(file_, [this] { return read_key(); });
  stamp_ = stamp();
  service_.on_reload([this] { reload(); });
  if (identity_->expires() - std::chrono::system_clock::now() < kWarnBefore)
    log::warning("the certificate in " + file_ + " expires within two weeks");
  watch();
}

Secret Certificate::read_key() {
  if (!is_secret_source(key_)) return read_secret("@file:" + key_);
  if (key_ != "@-" && !key_.starts_with("@fd:")) return read_secret(key_);
  if (kept_.empty()) kept_ = read_secret(key_);
  return kept_;
}

void Certificate::reload() {
  stamp_ = stamp();
  identity_->reload();
  log::info("the certificate in " + file_ + " was read again: " + identity_->subject());
}

uint64_t Certificate::stamp() const {
  uint64_t stamp = 0xCBF29CE484222325;
  mix(stamp, file_);
  mix(stamp, key_.starts_with("@file:") ? key_.substr(6) : key_);
  return stamp;
}

// The two files change one after the other: what does not fit yet is looked at again when the other
// has changed.
void Certificate::watch() {
  timer_.expires_after(kLookAtFiles);
  timer_.async_wait([this](boost::system::error_code cancelled) {
    if (cancelled) return;
    if (stamp() != stamp_) {
      std::string error;
      try {
        reload();
      } catch (const Error& e) {
        error = e.what();
        log::warning(error + "; the former one stays in use");
      }
      service_.emit("service.reloaded",
                    {{"ok", error.empty()},
                     {"error", error.empty() ? control::Json() : control::Json(error)}});
    }
    watch();
  });
}

}  // namespace stream::cli

// S3-compatible stores: AWS, R2, GCS (by HMAC keys), MinIO, Ceph. Signs each try anew, learns the
// clock's skew and the bucket's region from refusals, reloads credentials that have expired, and
// tries again with growing random waits until its patience is over. Thread-safe.
#pragma once
#include <functional>
#include <mutex>

#include "archive/sigv4.h"
#include "archive/store.h"
#include "archive/world.h"

namespace stream::archive {

enum class Addressing { kAuto, kPath, kVirtual };

struct S3Options {
  std::string bucket, region = "us-east-1";
  std::string endpoint;  // "https://host[:port]"; empty: AWS
  Addressing addressing = Addressing::kAuto;
  fetch::PhaseLimits limits;
  Nanoseconds patience = std::chrono::hours(24);  // of one request
  std::function<Credentials()> credentials;       // called again when they have expired
  std::function<void(const Trouble&)> trouble;    // may be empty; any thread
};

class S3Store : public Store {
 public:
  // Real transfers on `transfers`, which must outlive the store.
  S3Store(S3Options options, fetch::Transfers& transfers);
  S3Store(S3Options options, World world);
  ~S3Store() override;

  std::string url(const std::string& key) const override;
  std::string put(const std::string& key, const Source& source, const PutOptions& options) override;
  std::string begin_upload(const std::string& key, const PutOptions& options) override;
  Part put_part(const std::string& key, const std::string& upload, Part part,
                const Source& source) override;
  std::optional<std::vector<Part>> parts(const std::string& key,
                                         const std::string& upload) override;
  std::string finish_upload(const std::string& key, const std::string& upload,
                            const std::vector<Part>& parts, const PutOptions& options) override;
  void abort_upload(const std::string& key, const std::string& upload) override;
  std::vector<Upload> uploads(const std::string& prefix) override;
  std::optional<Object> head(const std::string& key) override;
  void get(const std::string& key, uint64_t offset, uint64_t size, const Sink& sink) override;
  Page list(const std::string& prefix, const std::string& after, bool by_folder) override;
  void remove(const std::vector<std::string>& keys) override;
  std::string presign(const std::string& method, const std::string& key,
                      std::chrono::seconds life) override;
  std::optional<WallTime> time() override;
  void put_lifecycle(const std::string& xml) override;
  uint64_t min_part() const override { return 5 << 20; }
  void stop() override;

 private:
  struct Ask;
  struct Reply;
  struct Try;
  Reply request(const Ask& ask);
  Reply request_ok(const Ask& ask);
  fetch::Transfer to_transfer(const Ask& ask, bool fresh_connection);
  std::string address(const std::string& key) const;
  std::string host() const;
  std::string path_of(const std::string& key) const;
  bool is_ours(const std::string& key, const PutOptions& options);
  Reply create(Ask& ask, const PutOptions& options);
  bool learn(const Ask& ask, const fetch::Answer& answer, const std::string& code,
             const std::string& region, Try& state);
  [[noreturn]] void refuse(const Ask& ask, const Reply& reply) const;
  void delete_one(const std::string& key);

  S3Options options_;
  World world_;
  Dialect dialect_;
  bool virtual_hosted_;
  mutable std::mutex mutex_;  // of all below
  std::optional<Credentials> credentials_;
  std::string region_;
  Nanoseconds skew_{};
  bool stopped_ = false, bulk_delete_ = true, conditions_ = true;
};

}  // namespace stream::archive

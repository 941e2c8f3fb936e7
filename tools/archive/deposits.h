// What put and follow share: how recordings go into a store, several at a time, and what is told of
// it.
#pragma once
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "archive/deposit.h"
#include "progress.h"
#include "verbs.h"

namespace stream::archive {

struct DepositOptions {
  std::string delete_after = "never", owner;
  std::vector<std::string> allow;
  bool is_private = false, hidden = false;
  std::optional<ByteSize> part_size;
  unsigned parallel = 4;

  void declare(cli::Command& command);
  // What holds for the store `url`. Throws Error kUsage.
  void check(const StoreOptions& store) const;
  manifest::Rights rights() const { return {hidden, !is_private, owner, allow}; }
  bool deletes() const { return delete_after == "verified"; }
};

// An archiver for the store that tells `service` and `progress` of what it does; a chat gets what
// it can hold. All that is given outlives it.
class Depositor {
 public:
  Depositor(const DepositOptions& options, OpenStore& store, control::Service& service,
            Progress& progress);

  Archiver& archiver() { return archiver_; }
  // Some at a time; each failure is told and hinders no other. Returns when all are done, or the
  // service stops. `done`: of each that has arrived, from any thread.
  void run(const std::vector<Deposit>& deposits,
           const std::function<void(const Deposit&)>& done = nullptr);
  // False when it failed or was stopped.
  bool one(const Deposit& deposit, const Uploader::Growth& growth = nullptr);
  void failed(const std::string& path, const Error& error);

  // Since it was asked last.
  Json take_results();
  std::vector<Error> take_failures();

 private:
  control::Service& service_;
  const unsigned parallel_;
  const UploadSettings settings_;
  Catalog catalog_;
  Archiver archiver_;
  std::mutex mutex_;  // of the two below
  Json results_ = Json::array();
  std::vector<Error> failures_;
};

// "demo-20261120T100000Z is in s3://bucket", of one of take_results().
std::string line_of(const Json& result, const OpenStore& store);

}  // namespace stream::archive

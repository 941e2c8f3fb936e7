// The recordings of one stream in a directory: each goes into the store when it is complete, and is
// tried again when that failed. Blocks its caller.
#pragma once
#include <atomic>
#include <map>
#include <string>
#include <vector>

#include "archive/ledger.h"
#include "deposits.h"
#include "os/dir_watch.h"

namespace stream::archive {

class RecordingsFollower {
 public:
  struct Settings {
    std::string directory, stream;
    bool once = false;  // end when all that are complete are in the store, or have failed
  };
  RecordingsFollower(Settings settings, const DepositOptions& options, Depositor& depositor,
                     Ledger& ledger, control::Service& service,
                     std::function<void(const Json&)> tell);

  // Until the service stops, or `once` is done; then what failed.
  std::vector<Error> run();
  // For the verb "status", from any thread.
  Json status() const;

 private:
  struct Failed {
    std::string mark;
    unsigned times = 0;
    Nanoseconds next_try{};
  };
  std::vector<Deposit> due(Nanoseconds now);
  std::string path_of(const std::string& key) const;
  void forget_gone(const std::vector<std::string>& keys);  // and remember nothing of them
  void put(const std::vector<Deposit>& deposits);
  void note(const std::string& path);
  void wait();

  const Settings settings_;
  const DepositOptions& options_;
  Depositor& depositor_;
  Ledger& ledger_;
  control::Service& service_;
  const std::function<void(const Json&)> tell_;  // of each that has arrived
  os::DirWatch watch_;
  std::map<std::string, std::string> marks_;    // of what is due, by the manifest's path
  std::map<std::string, std::string> ignored_;  // marks of what is another's, or goes on
  std::map<std::string, Failed> failed_;
  std::atomic<uint64_t> stored_{0}, due_{0}, failing_{0};
};

}  // namespace stream::archive

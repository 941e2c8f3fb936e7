#include "follow_recordings.h"

#include <poll.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "base/log.h"
#include "manifest/store.h"

namespace stream::archive {
namespace {

using namespace std::chrono_literals;

constexpr Nanoseconds kRescan = 5s, kWithoutWatch = 1s;
constexpr Nanoseconds kFirstWait = 30s, kMostWait = 30min;  // of what failed

}  // namespace

RecordingsFollower::RecordingsFollower(Settings settings, const DepositOptions& options,
                                       Depositor& depositor, Ledger& ledger,
                                       control::Service& service,
                                       std::function<void(const Json&)> tell)
    : settings_(std::move(settings)),
      options_(options),
      depositor_(depositor),
      ledger_(ledger),
      service_(service),
      tell_(std::move(tell)) {}

std::string RecordingsFollower::path_of(const std::string& key) const {
  return settings_.directory + "/" + key + ".json";
}

void RecordingsFollower::forget_gone(const std::vector<std::string>& keys) {
  std::set<std::string> there;
  for (const std::string& key : keys) there.insert(path_of(key));
  const auto gone = [&](const auto& each) { return !there.contains(each.first); };
  std::erase_if(ignored_, gone);
  std::erase_if(failed_, gone);
}

// The complete ones that the store has not, the oldest first.
std::vector<Deposit> RecordingsFollower::due(Nanoseconds now) {
  std::vector<Deposit> out;
  marks_.clear();
  manifest::FileStore files(settings_.directory);
  const auto keys = files.list("");
  forget_gone(keys);
  for (const std::string& key : keys) {
    const std::string path = path_of(key);
    const std::string mark = mark_of_file(path);  // before it is read: a change is seen later
    if (mark.empty() || ledger_.has(path, mark)) continue;
    if (const auto at = ignored_.find(path); at != ignored_.end() && at->second == mark) continue;
    const auto failed = failed_.find(path);
    if (failed != failed_.end() && failed->second.mark == mark && now < failed->second.next_try)
      continue;
    try {
      Deposit d = deposit_of_manifest(path, {});
      if (d.stream == settings_.stream) {
        d.rights = options_.rights();
        d.delete_after = options_.deletes();
        marks_[path] = mark;
        out.push_back(std::move(d));
        continue;
      }
    } catch (const Error& error) {  // it goes on, or is no recording's
      log::debug(path + ": " + error.what());
    }
    ignored_[path] = mark;
  }
  std::sort(out.begin(), out.end(),
            [](const Deposit& a, const Deposit& b) { return a.started < b.started; });
  return out;
}

// Without the note it is compared with the store once more some day.
void RecordingsFollower::note(const std::string& path) {
  if (options_.deletes()) return;
  try {
    ledger_.add(path, marks_.at(path));
  } catch (const Error& error) {
    log::error(error.what());
  }
}

void RecordingsFollower::put(const std::vector<Deposit>& deposits) {
  due_ = deposits.size();
  std::mutex mutex;
  std::map<std::string, std::string> left = marks_;
  depositor_.run(deposits, [&](const Deposit& d) {
    const std::string& path = d.manifest_path;
    note(path);
    ++stored_;
    --due_;
    const std::lock_guard lock(mutex);
    left.erase(path);
    failed_.erase(path);
  });
  for (const Json& result : depositor_.take_results()) tell_(result);
  if (service_.stopping()) return;
  for (const auto& [path, mark] : left) {
    Failed& failed = failed_[path];
    const Nanoseconds wait = kFirstWait * (1 << std::min(failed.times, 6U));
    failed = {mark, failed.times + 1, monotonic_now() + std::min(wait, kMostWait)};
  }
  failing_ = failed_.size();
}

void RecordingsFollower::wait() {
  Nanoseconds time = watch_.works() ? kRescan : kWithoutWatch;
  const Nanoseconds now = monotonic_now();
  for (const auto& [path, failed] : failed_)
    if (failed.next_try > now) time = std::min(time, failed.next_try - now);
  pollfd fds[2] = {{service_.stop_fd(), POLLIN, 0}, {watch_.fd(), POLLIN, 0}};
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(time).count();
  ::poll(fds, 2, static_cast<int>(ms));
  watch_.drain();
}

std::vector<Error> RecordingsFollower::run() {
  std::vector<Error> failures;
  while (!service_.stopping()) {
    watch_.add(settings_.directory);
    const std::vector<Deposit> deposits = due(monotonic_now());
    if (!deposits.empty()) {
      put(deposits);
      std::vector<Error> failed = depositor_.take_failures();  // have been told
      if (settings_.once) std::move(failed.begin(), failed.end(), std::back_inserter(failures));
    } else if (settings_.once) {
      break;
    } else {
      wait();
    }
  }
  return failures;
}

Json RecordingsFollower::status() const {
  return {{"stored", stored_.load()}, {"due", due_.load()}, {"failing", failing_.load()}};
}

}  // namespace stream::archive

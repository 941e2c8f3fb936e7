// The policy's file and the proof of the clock, for both kinds of pruning.
#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/time.h"
#include "config/node.h"
#include "os/atomic_file.h"
#include "os/fd.h"
#include "prune.h"

namespace stream::archive {
namespace {

void read_age(const config::Node& of, Nanoseconds& out) {
  if (const config::Node* value = of.find("age")) out = parse_duration(value->text()).value;
}

void read_keeping(const config::Node& node, Policy& policy) {
  read_age(node, policy.recordings);
  if (const auto* v = node.find("max-size")) policy.max_bytes = parse_byte_size(v->text()).bytes;
  if (const auto* v = node.find("min-free")) policy.min_free = parse_byte_size(v->text()).bytes;
  if (const auto* v = node.find("keep-last")) {
    if (v->integer() < 0) v->fail("keep-last is a number of recordings");
    policy.keep_last = static_cast<uint64_t>(v->integer());
  }
}

ClockMark mark_now() {
  struct timespec boot {};
  ::clock_gettime(CLOCK_BOOTTIME, &boot);
  // A service that sees of /proc only the processes (ProcSubset=pid) knows no boot: its marks prove
  // nothing.
  const char* const path = "/proc/sys/kernel/random/boot_id";
  std::string id = ::access(path, R_OK) == 0 ? os::read_file(path, 100) : "";
  while (!id.empty() && id.back() == '\n') id.pop_back();
  return {wall_now(), std::chrono::seconds(boot.tv_sec) + Nanoseconds(boot.tv_nsec), id};
}

std::optional<ClockMark> read_mark(const std::string& path) {
  if (::access(path.c_str(), R_OK) != 0) return std::nullopt;
  const Json json = Json::parse(os::read_file(path, 4096), nullptr, false);
  if (!json.is_object()) return std::nullopt;
  return ClockMark{WallTime(std::chrono::milliseconds(json.value("wall_ms", int64_t{0}))),
                   std::chrono::milliseconds(json.value("boot_ms", int64_t{0})),
                   json.value("boot_id", std::string())};
}

}  // namespace

Policy read_policy(const std::string& path, const std::string& section) {
  Policy policy;
  const config::Node root = config::Node::load(path);
  root.only({"recordings", "live", "local", "holds"});
  if (section == "local") {
    policy.recordings = Nanoseconds::max();
    if (!root.find("local")) root.fail("it has no section \"local\", which --local goes by");
  }
  for (const char* name : {"recordings", "local"}) {
    const config::Node* node = root.find(name);
    if (!node) continue;
    node->only({"age", "max-size", "min-free", "keep-last"});
    Policy other;  // read all the same, so that what is wrong in it is told
    read_keeping(*node, name == section ? policy : other);
  }
  if (const config::Node* node = root.find("live")) {
    node->only({"age"});
    read_age(*node, policy.live);
  }
  if (const config::Node* node = root.find("holds"))
    for (const config::Node& hold : node->items()) policy.holds.push_back(hold.text());
  return policy;
}

void check_clock(const PruneOptions& o, OpenStore& store, const std::vector<CatalogRow>& rows) {
  const std::string path = state_dir() + "/clock.json";
  ClockEvidence evidence;
  evidence.now = mark_now();
  evidence.mark = read_mark(path);
  evidence.store = store.store->time();
  for (const CatalogRow& row : rows) {
    const WallTime time{std::chrono::milliseconds(row.archived_ms)};
    evidence.newest = std::max(evidence.newest.value_or(time), time);
  }
  struct timex kernel {};
  evidence.synchronised = ::adjtimex(&kernel) >= 0 && !(kernel.status & STA_UNSYNC);
  if (const auto why = distrust(evidence); why && !o.trust_clock) {
    throw Error(Exit::kNotAllowed, "archive.clock",
                "nothing is deleted, because this machine's clock can't be trusted: " + *why,
                "set it right; if it is right, pass --trust-clock once");
  }
  if (o.dry_run) return;
  const Json json = {{"wall_ms", unix_ms(evidence.now.wall)},
                     {"boot_ms", evidence.now.boot.count() / 1'000'000},
                     {"boot_id", evidence.now.boot_id}};
  os::write_file(path, json.dump(), os::Sync::kNo, 0600);
}

void print_gone(const cli::Context& context, const Json& gone) {
  for (const Json& item : gone) {
    context.print(item["recording"].get<std::string>() + "\t" + item["reason"].get<std::string>() +
                  "\t" + std::to_string(item["size_bytes"].get<uint64_t>()) + "\n");
  }
}

}  // namespace stream::archive

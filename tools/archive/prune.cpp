// prune: what the policy no longer keeps goes. lifecycle: what the store does by itself.
#include <nlohmann/json.hpp>

#include "archive/retention.h"
#include "archive/s3_xml.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "os/file_lock.h"
#include "os/free_space.h"
#include "prune.h"

namespace stream::archive {
namespace {

constexpr char kPolicy[] =
    "recordings:\n"
    "  age: 90d          # gone when older; the default\n"
    "  max-size: 500GiB  # of all together: the oldest go\n"
    "  min-free: 20GiB   # of a directory's file system: the oldest go\n"
    "  keep-last: 3      # of each stream, however old\n"
    "live:\n"
    "  age: 24h          # segments that push left behind; the default\n"
    "local:              # what --local keeps; the same words, none has a default\n"
    "  min-free: 50GiB\n"
    "holds: [demo, talks/talks-20261120T100000Z]";

constexpr char kClock[] =
    "Age is judged by a clock that is proven: by the time that the store tells, by the time the "
    "machine has been up since the last run, or by the kernel's synchronisation. A clock that "
    "jumped deletes nothing: the verb ends with exit code 4 and says why. The order in which "
    "recordings were archived counts beside their times: what was archived after something young "
    "is young.";

constexpr char kLocal[] =
    "With --local nothing in the store is touched. Of the recordings of stream-record in DIR, and "
    "in "
    "the directories beneath it, those may go that have ended, that the catalogue knows with every "
    "file read back (put --delete-after verified, or verify), that the store still has, and whose "
    "files here have the SHA-256 that was archived. All others stay and count as occupied. Age "
    "is the time since they were archived.";

std::optional<uint64_t> free_of(const Location& location) {
  if (location.kind != Location::Kind::kDirectory) return std::nullopt;
  return os::free_bytes(location.path);
}

// STREAM/RENDITION/segment: what a live output leaves, and nothing else.
bool is_live_segment(std::string_view key) {
  const size_t name = key.rfind('/');
  if (name == key.npos || key.starts_with("_") || key.find("/recording/") != key.npos ||
      key.starts_with("recording/")) {
    return false;
  }
  return key.ends_with(".m4s") || key.ends_with(".ts");
}

// Why the store does not let it go; empty: it is gone. What it keeps holds up no other.
std::string let_go(OpenStore& store, Catalog& catalog, const CatalogEntry& entry) {
  std::vector<std::string> keys;
  for (const CatalogFile& file : entry.files) keys.push_back(file.receipt.key);
  try {
    store.store->remove(keys);
  } catch (const Error& e) {
    if (e.code() != Exit::kRefused) throw;
    return std::string(e.what()) + (e.hint().empty() ? "" : "; " + e.hint());
  }
  catalog.remove(entry);
  return {};
}

void report(const PruneOptions& o, const cli::Context& context, const Json& gone, const Json& kept,
            size_t segments, uint64_t freed) {
  if (context.json()) {
    context.print_json({{"schema", "stream.archive.prune/1"},
                        {"dry_run", o.dry_run},
                        {"recordings", gone},
                        {"not_deleted", kept},
                        {"live_segments", segments},
                        {"freed_bytes", freed}});
  } else {
    print_gone(context, gone);
    context.confirm(std::string(o.dry_run ? "would delete " : "deleted ") +
                    std::to_string(gone.size()) + " recordings and " + std::to_string(segments) +
                    " live segments: " + std::to_string(freed) + " bytes");
  }
}

Exit prune(const PruneOptions& o, const cli::Context& context, control::Service& service) {
  const Policy policy = read_policy(o.policy, "recordings");
  const std::shared_ptr<OpenStore> opened = o.open_for(service);
  OpenStore& store = *opened;
  const os::FileLock lock(state_dir() + "/prune.lock", "pruning");
  Catalog catalog(store, state_dir());
  catalog.refresh();
  const std::vector<CatalogRow> rows = catalog.rows(std::chrono::hours(1));
  check_clock(o, store, rows);
  std::vector<Candidate> candidates;
  for (const CatalogRow& row : rows) {
    candidates.push_back({std::string(row.id), std::string(row.stream), row.sequence, row.bytes,
                          WallTime(std::chrono::milliseconds(row.archived_ms)),
                          row.flags.find('k') != row.flags.npos});
  }
  Json gone = Json::array(), kept = Json::array();
  uint64_t freed = 0;
  for (const Verdict& v : choose_expired(candidates, policy, wall_now(), free_of(store.location))) {
    const Candidate& c = candidates[v.candidate];
    const auto entry = catalog.load(std::string(rows[v.candidate].key));
    if (!entry || entry->held) continue;  // another was faster
    if (!o.dry_run) {
      if (const auto reason = let_go(store, catalog, *entry); !reason.empty()) {
        log::warning(reason);
        kept.push_back({{"recording", c.id}, {"reason", reason}});
        continue;
      }
      service.emit("recording.deleted",
                   {{"recording", c.id}, {"reason", v.reason}, {"bytes", c.bytes}});
    }
    freed += c.bytes;
    gone.push_back({{"recording", c.id},
                    {"stream", c.stream.empty() ? Json(nullptr) : Json(c.stream)},
                    {"reason", v.reason},
                    {"size_bytes", c.bytes}});
  }
  std::vector<std::string> segments;
  const WallTime limit = wall_now() - std::chrono::duration_cast<WallTime::duration>(policy.live);
  for_each_object(*store.store, store.location.prefix, [&](const Object& object) {
    const std::string_view key = std::string_view(object.key).substr(store.location.prefix.size());
    if (!is_live_segment(key) || object.modified >= limit) return;
    segments.push_back(object.key);
    freed += object.size;
  });
  if (!o.dry_run) store.store->remove(segments);
  report(o, context, gone, kept, segments.size(), freed);
  return kept.empty() ? Exit::kOk : Exit::kPartial;
}

struct LifecycleOptions : StoreOptions {
  bool install = false;
  unsigned days = 7;
};

}  // namespace

cli::Command prune_command() {
  auto o = std::make_shared<PruneOptions>();
  cli::Command command("prune", "delete what a policy no longer keeps");
  command.description(
      "Only what the catalogue knows, and live segments that were left behind, can go. Held "
      "recordings stay. Prints what goes, why, and its size. What the store does not let go, such "
      "as an old message of a chat, stays in the catalogue and holds up nothing else: 13.");
  command.example("stream-archive prune --store dir:/srv/archive --policy policy.yaml --dry-run",
                  "see what would go");
  command.example("stream-archive prune --store s3://b/a --policy policy.yaml --local rec",
                  "make room where recordings are made");
  o->StoreOptions::declare(command);
  command.option("--policy", o->policy, "FILE", "what is kept")
      .required()
      .completes(cli::Completion::kFile);
  command
      .option("--local", o->local, "DIR",
              "of this directory of recordings, what the store has, instead of in the store")
      .completes(cli::Completion::kDirectory);
  command.flag("-n,--dry-run", o->dry_run, "only say what would go and what it frees")
      .command_line_only();
  command
      .flag("--trust-clock", o->trust_clock,
            "this machine's clock is right, though nothing proves it")
      .command_line_only();
  o->EventOptions::declare(command);
  command.note("POLICY", kPolicy);
  command.note("LOCAL DIRECTORIES", kLocal);
  command.note("THE CLOCK", kClock);
  command.run([o](cli::Context& context) {
    control::Service service(o->service());
    return service.run([&] {
      return o->local.empty() ? prune(*o, context, service) : prune_local(*o, context, service);
    });
  });
  return command;
}

cli::Command lifecycle_command() {
  auto o = std::make_shared<LifecycleOptions>();
  cli::Command command("lifecycle",
                       "print or install the rule by which the store ends dead uploads");
  command.description(
      "Parts of uploads that were never finished cost money for ever unless the store ends them. "
      "Prints the rule as XML, or installs it with --install, which replaces all rules of the "
      "bucket. Recordings and live segments share prefixes, so their age is prune's matter.");
  o->StoreOptions::declare(command);
  command.option("--days", o->days, "N", "how long an upload may take");
  command.flag("--install", o->install, "put it into the bucket").command_line_only();
  command.check([o] {
    if (o->days < 1 || o->days > 3650)
      throw Error(Exit::kUsage, "usage.value", "--days: not from 1 to 3650", "7 is usual");
  });
  command.run([o](cli::Context& context) {
    OpenStore store = o->open();
    const std::string xml =
        "<LifecycleConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Rule>"
        "<ID>stream-archive-uploads</ID><Filter><Prefix>" +
        xml_text(store.location.prefix) +
        "</Prefix></Filter><Status>Enabled</Status><AbortIncompleteMultipartUpload>"
        "<DaysAfterInitiation>" +
        std::to_string(o->days) +
        "</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule></LifecycleConfiguration>";
    if (!o->install) {
      context.print(xml + "\n");
      return 0;
    }
    store.store->put_lifecycle(xml);
    context.confirm("installed the rule in " + store.location.text());
    return 0;
  });
  return command;
}

}  // namespace stream::archive

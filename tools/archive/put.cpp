// put: recordings and files into a store.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "archive/deposit.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "cut.h"
#include "progress.h"
#include "spool.h"
#include "verbs.h"

namespace stream::archive {
namespace {

constexpr char kUploads[] =
    "A file goes up in parts, several at a time. Each part and the whole are hashed with SHA-256; "
    "every try is signed anew. Nothing in the store is ever overwritten: an object of the same "
    "name and content counts as done, one of other content is an error. What an S3 store answers "
    "to a conditional write decides between two writers; a store that does not know those is asked "
    "beforehand only.\n\n"
    "While the store fails, every request is tried again with growing random waits, up to "
    "--retry-for. After a kill the same command goes on where it was: parts that the store has are "
    "not sent again. --pending finishes whatever earlier runs left, also what came by --stdin, "
    "which is kept on the disk in STATE/archive/queue until it has arrived and was read back. When "
    "that would take more than --spool-max, or leave less than --min-free, no more is read: what "
    "came until then is archived, and the exit code is 13.\n\n"
    "With --delete-after verified the local copy is deleted when every file's size and SHA-256 "
    "were read back from the store, and never otherwise.";

constexpr char kChat[] =
    "--to telegram://CHAT mirrors recordings into a Telegram chat, named @channel or by its "
    "number, through a bot that may post there; --credentials says where its token is. A media "
    "file that is no MP4, or is larger than a message holds, becomes MP4 parts of its own: each "
    "begins with a keyframe and plays by itself, and together they hold every picture once. get "
    "gives the parts back, stream-record concat makes one file of them. Other files go as they "
    "are, in numbered pieces when they are too large; a recording's thumbnails stay out.\n\n"
    "The hosted Bot API takes 49 MB in a message and gives out 20 MB: get and verify need parts "
    "put with --part-size 19MB. A Bot API server of your own, named by --endpoint, takes 1,950 MB "
    "and gives out all. The chat's limits are kept: one message a second, 20 a minute, and "
    "whatever wait the server asks for. A message whose answer is lost is sent again and may be "
    "there twice.\n\n"
    "What messages hold a recording is kept on this machine, in STATE/archive/chats, with the "
    "catalogue: keep a copy of it. A bot can delete what is less than 48 hours old, and people can "
    "delete anything: a chat is a mirror, no archive, so --delete-after verified does not count "
    "it.";

constexpr char kNotFetched[] =
    ": messages of more than 20 MB can't be fetched again through the hosted Bot API; those of "
    "--part-size 19MB can";
constexpr uint64_t kPartSize = 16 << 20;

struct DepositOptions : StoreOptions, EventOptions {
  std::vector<std::string> inputs;
  std::string stream, as, delete_after = "never", owner;
  bool from_stdin = false, is_private = false, pending = false;
  std::optional<ByteSize> part_size;
  ByteSize spool_max, min_free{256 << 20};
  unsigned parallel = 4;
};

Deposit deposit_of(const DepositOptions& o, const std::string& input) {
  Deposit d = is_manifest(input) ? deposit_of_manifest(input, o.stream)
                                 : deposit_of_file(input, o.stream, {});
  d.is_public = !o.is_private;
  d.owner = o.owner;
  d.delete_after = o.delete_after == "verified";
  return d;
}

Archiver::Events put_events(control::Service& service, Progress& progress) {
  Archiver::Events events;
  events.total = [&](int64_t bytes) { progress.add_total(bytes); };
  events.done = [&](int64_t bytes) { progress.add_done(bytes); };
  const auto tell = [&service](const char* event) {
    return [&service, event](const std::string& path, const Receipt& receipt) {
      service.emit(event, {{"path", path},
                           {"key", receipt.key},
                           {"bytes", receipt.size},
                           {"sha256", receipt.sha256},
                           {"sent_bytes", receipt.sent_bytes}});
    };
  };
  events.stored = tell("object.stored");
  events.verified = tell("object.verified");
  events.deleted = [&service](const std::string& path) {
    service.emit("file.deleted", {{"path", path}});
  };
  return events;
}

// The deposits, some at a time; each failure is told and hinders no other.
class Batch {
 public:
  Batch(Archiver& archiver, control::Service& service) : archiver_(archiver), service_(service) {}

  void run(const std::vector<Deposit>& deposits, unsigned parallel) {
    std::vector<std::thread> threads;
    std::atomic<size_t> next{0};
    const auto work = [&] {
      for (size_t i; (i = next++) < deposits.size() && !service_.stopping();)
        one(deposits[i], nullptr);
    };
    for (unsigned i = 0; i < std::min<size_t>(parallel, deposits.size()); ++i)
      threads.emplace_back(work);
    for (std::thread& thread : threads) thread.join();
  }

  void one(const Deposit& deposit, const Uploader::Growth& growth) {
    try {
      const Archiver::Outcome outcome = archiver_.deposit(deposit, growth);
      const CatalogEntry& entry = outcome.entry;
      Json keys = Json::array();
      for (const CatalogFile& file : entry.files) keys.push_back(file.receipt.key);
      service_.emit("recording.archived", {{"recording", entry.id},
                                           {"bytes", entry.bytes()},
                                           {"sent_bytes", outcome.sent_bytes},
                                           {"verified", outcome.verified}});
      const std::lock_guard lock(mutex_);
      results_.push_back({{"recording", entry.id},
                          {"stream", entry.stream.empty() ? Json(nullptr) : Json(entry.stream)},
                          {"keys", keys},
                          {"size_bytes", entry.bytes()},
                          {"sent_bytes", outcome.sent_bytes},
                          {"was_there", outcome.was_there},
                          {"verified", outcome.verified},
                          {"deleted", outcome.deleted}});
    } catch (const Error& error) {
      if (error.id() == "archive.stopped") return;
      failed(deposit.manifest_path.empty() && !deposit.files.empty() ? deposit.files[0].local
                                                                     : deposit.manifest_path,
             error);
    }
  }

  void failed(const std::string& path, const Error& error) {
    log::error(error.what());
    service_.emit("file.failed", {{"path", path}, {"reason", error.what()}, {"error", error.id()}});
    const std::lock_guard lock(mutex_);
    failures_.push_back(error);
  }

  const Json& results() const { return results_; }
  const std::vector<Error>& failures() const { return failures_; }

 private:
  Archiver& archiver_;
  control::Service& service_;
  std::mutex mutex_;
  Json results_ = Json::array();
  std::vector<Error> failures_;
};

void put_stdin(const DepositOptions& o, Archiver& archiver, Batch& batch,
               control::Service& service) {
  Deposit d;
  d.stream = o.stream;
  d.started = wall_now();
  d.is_public = !o.is_private;
  d.owner = o.owner;
  d.is_spool = true;
  const std::string path = archiver.new_spool(o.as);
  d.files.push_back({path, o.as});
  d.id = recording_id_of(o.as);
  Spool spool(path, {o.spool_max.bytes, o.min_free.bytes}, service);
  batch.one(d, [&](uint64_t size) { return spool.grown(size); });
  if (const auto error = spool.error()) batch.failed(path, *error);
}

// How large the parts are, and how many go at a time.
UploadSettings settings_of(const DepositOptions& o, const OpenStore& store) {
  UploadSettings settings{kPartSize, o.parallel};
  if (store.message_limit > 0) settings = {store.message_limit, 1};
  if (o.part_size) settings.part_size = o.part_size->bytes;
  if (store.message_limit > 0 && settings.part_size > store.message_limit) {
    throw Error(Exit::kUsage, "usage.value",
                "--part-size: " + to_text(*o.part_size) + " is more than a message holds there",
                "at most " + std::to_string(store.message_limit / 1'000'000) + "MB");
  }
  return settings;
}

void cut_for(Archiver& archiver, const OpenStore& store, uint64_t part_size) {
  archiver.cut_by([&store, part_size](const Deposit& d, const std::string& scratch) {
    const bool large = std::any_of(d.files.begin(), d.files.end(), [&](const DepositFile& f) {
      return std::filesystem::file_size(f.local) > store.download_limit;
    });
    if (large && part_size > store.download_limit) log::warning(d.id + kNotFetched);
    return cut_for_chat(d, part_size, scratch);
  });
}

Exit put(const DepositOptions& o, const cli::Context& context, control::Service& service) {
  const std::shared_ptr<OpenStore> opened = o.open_for(service);
  OpenStore& store = *opened;
  const UploadSettings settings = settings_of(o, store);
  Catalog catalog(store, state_dir());
  service.ready("archiving to " + store.location.text());
  std::optional<Progress> progress(std::in_place, context, service, "uploading");
  Archiver archiver(store, catalog, settings, state_dir(), put_events(service, *progress));
  if (store.message_limit > 0) cut_for(archiver, store, settings.part_size);
  Batch batch(archiver, service);
  archiver.abort_orphans();
  std::vector<Deposit> deposits;
  if (o.pending) deposits = archiver.pending();
  for (const std::string& input : o.inputs) {
    try {
      deposits.push_back(deposit_of(o, input));
    } catch (const Error& error) {
      batch.failed(input, error);
    }
  }
  batch.run(deposits, o.parallel);
  if (o.from_stdin) put_stdin(o, archiver, batch, service);
  progress.reset();  // its line makes room for the result
  const std::vector<Error>& failures = batch.failures();
  if (failures.size() == 1 && batch.results().empty()) throw failures[0];
  if (context.json()) {
    context.print_json({{"schema", "stream.archive.put/1"},
                        {"store", store.location.text()},
                        {"recordings", batch.results()},
                        {"failed", failures.size()}});
  } else {
    for (const Json& result : batch.results()) {
      context.confirm(result["recording"].get<std::string>() +
                      (result["was_there"] ? " was there already, in " : " is in ") +
                      store.location.text() +
                      (result["deleted"] ? "; the local copy is deleted" : ""));
    }
  }
  return failures.empty() ? Exit::kOk : Exit::kPartial;
}

void check(const DepositOptions& o) {
  const auto usage = [](const std::string& what, const char* hint) {
    throw Error(Exit::kUsage, "usage.value", what, hint);
  };
  if (!o.stream.empty()) check_stream_name(o.stream);
  if (o.inputs.empty() && !o.from_stdin && !o.pending)
    usage("nothing to put was named", "name files or manifests, or pass --stdin or --pending");
  if (o.from_stdin && o.as.empty())
    usage("--stdin needs a name for what comes", "for example --as talk.mp4");
  if (!o.from_stdin && !o.as.empty()) usage("--as: only --stdin needs a name", "leave it out");
  if (o.from_stdin && ::isatty(0))
    usage("--stdin: standard input is a terminal", "pipe the recording in");
  if (o.parallel < 1 || o.parallel > 64) usage("--parallel: not from 1 to 64", "4 is usual");
  if (o.part_size && (o.part_size->bytes < (1 << 20) || o.part_size->bytes > (uint64_t{5} << 30)))
    usage("--part-size: not from 1MiB to 5GiB", "16MiB is usual");
  if (!o.url.empty() && parse_location(o.url).kind == Location::Kind::kChat) {
    if (o.credentials.empty())
      usage("--credentials is needed for a chat: the bot's token", "--credentials @vault:bot");
    if (o.delete_after == "verified")
      usage("--delete-after verified: a chat is a mirror, no archive",
            "put it into a directory or a bucket as well, and delete it after that");
    if (o.from_stdin)
      usage("--stdin: a chat takes what is finished only", "record it into a file, then put that");
  }
  if (!o.as.empty()) check_key("recording/" + o.as);
}

}  // namespace

cli::Command put_command() {
  auto o = std::make_shared<DepositOptions>();
  cli::Command command("put", "put recordings and files into a store");
  command.description(
      "A manifest of stream-record stands for its recording: all its files are put, with what the "
      "manifest says. Any other file is a recording of its own. Each gets an entry in the store's "
      "catalogue.");
  command.example("stream-archive put rec/demo-20261120T100000Z.json --to s3://bucket/archive",
                  "archive a recording");
  command.example("stream-archive put *.mp4 --to dir:/srv/archive --delete-after verified",
                  "move files");
  command.positional("FILE|MANIFEST", o->inputs, "what to put")
      .optional()
      .completes(cli::Completion::kFile);
  o->StoreOptions::declare(command, "--to");
  command.flag("--stdin", o->from_stdin, "put what comes on standard input, as --as");
  command.option("--as", o->as, "NAME", "file name of what comes on standard input");
  command
      .option("--spool-max", o->spool_max, "SIZE",
              "what is kept of standard input, of this run and of earlier ones that did not end, "
              "takes no more of the disk; 0B is no limit")
      .shows_default("no limit");
  command.option("--min-free", o->min_free, "SIZE", "what it leaves free on that disk");
  command
      .option("--stream", o->stream, "NAME",
              "stream that it belongs to, as the manifest says otherwise")
      .completes(cli::Completion::kStream);
  command.option("--delete-after", o->delete_after, "WHEN", "when the local copy is deleted")
      .choices({"never", "verified"});
  command.flag("--private", o->is_private, "only users who are allowed may see it");
  command.option("--owner", o->owner, "USER", "whose data it is, for export --user");
  command.flag("--pending", o->pending, "finish what earlier runs left unfinished");
  command.option("--part-size", o->part_size, "SIZE", "of an upload in parts")
      .shows_default("16MiB; of a chat what a message holds");
  command.option("--parallel", o->parallel, "N", "parts under way at a time, of all files");
  o->EventOptions::declare(command);
  command.note("UPLOADS", kUploads);
  command.note("TELEGRAM", kChat);
  command.check([o] { check(*o); });
  command.run([o](cli::Context& context) {
    control::Service service(o->service());
    return service.run([&] { return put(*o, context, service); });
  });
  return command;
}

}  // namespace stream::archive

// put: recordings and files into a store.
#include <unistd.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "deposits.h"
#include "spool.h"

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

struct PutVerb : StoreOptions, EventOptions, DepositOptions {
  std::vector<std::string> inputs;
  std::string stream, as;
  bool from_stdin = false, pending = false;
  ByteSize spool_max, min_free{256 << 20};
};

Deposit deposit_of(const PutVerb& o, const std::string& input) {
  Deposit d = is_manifest(input) ? deposit_of_manifest(input, o.stream)
                                 : deposit_of_file(input, o.stream, {});
  d.rights = o.rights();
  d.delete_after = o.deletes();
  return d;
}

void put_stdin(const PutVerb& o, Depositor& depositor, control::Service& service) {
  Deposit d;
  d.stream = o.stream;
  d.started = wall_now();
  d.rights = o.rights();
  d.is_spool = true;
  const std::string path = depositor.archiver().new_spool(o.as);
  d.files.push_back({path, o.as});
  d.id = recording_id_of(o.as);
  Spool spool(path, {o.spool_max.bytes, o.min_free.bytes}, service);
  depositor.one(d, [&](uint64_t size) { return spool.grown(size); });
  if (const auto error = spool.error()) depositor.failed(path, *error);
}

Exit put(const PutVerb& o, const cli::Context& context, control::Service& service) {
  const std::shared_ptr<OpenStore> opened = o.open_for(service);
  OpenStore& store = *opened;
  service.ready("archiving to " + store.location.text());
  std::optional<Progress> progress(std::in_place, context, service, "uploading");
  Depositor depositor(o, store, service, *progress);
  std::vector<Deposit> deposits;
  if (o.pending) deposits = depositor.archiver().pending();
  for (const std::string& input : o.inputs) {
    try {
      deposits.push_back(deposit_of(o, input));
    } catch (const Error& error) {
      depositor.failed(input, error);
    }
  }
  depositor.run(deposits);
  if (o.from_stdin) put_stdin(o, depositor, service);
  progress.reset();  // its line makes room for the result
  const Json results = depositor.take_results();
  const std::vector<Error> failures = depositor.take_failures();
  if (failures.size() == 1 && results.empty()) throw Error(failures[0]);
  if (context.json()) {
    context.print_json({{"schema", "stream.archive.put/1"},
                        {"store", store.location.text()},
                        {"recordings", results},
                        {"failed", failures.size()}});
  } else {
    for (const Json& result : results) context.confirm(line_of(result, store));
  }
  return failures.empty() ? Exit::kOk : Exit::kPartial;
}

void check(const PutVerb& o) {
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
  o.DepositOptions::check(o);
  if (o.from_stdin && !o.url.empty() && parse_location(o.url).kind == Location::Kind::kChat)
    usage("--stdin: a chat takes what is finished only", "record it into a file, then put that");
  if (!o.as.empty()) check_key("recording/" + o.as);
}

}  // namespace

cli::Command put_command() {
  auto o = std::make_shared<PutVerb>();
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
  command.flag("--pending", o->pending, "finish what earlier runs left unfinished");
  o->DepositOptions::declare(command);
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

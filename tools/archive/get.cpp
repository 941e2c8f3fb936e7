// get: recordings back out of a store.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "cli/terminal.h"
#include "os/fd.h"
#include "restore.h"
#include "verbs.h"

namespace stream::archive {
namespace {

struct GetOptions : StoreOptions, IndexOptions, EventOptions {
  std::string recording, output, range, file;
};

struct Range {
  uint64_t first = 0, size = UINT64_MAX;
};

// "0-999", "1000-": as in HTTP, both ends within.
Range parse_range(const std::string& text) {
  Range range;
  if (text.empty()) return range;
  const char* end = text.data() + text.size();
  const auto [dash, error] = std::from_chars(text.data(), end, range.first);
  bool good = error == std::errc() && dash != end && *dash == '-';
  if (good && dash + 1 != end) {
    uint64_t last = 0;
    const auto [rest, failed] = std::from_chars(dash + 1, end, last);
    good = failed == std::errc() && rest == end && last >= range.first && last < UINT64_MAX;
    range.size = last - range.first + 1;
  }
  if (!good) {
    throw Error(Exit::kUsage, "usage.value",
                "--range: \"" + escaped(text) + "\" is no range of bytes",
                "for example --range 0-1048575, or --range 1000-");
  }
  return range;
}

void get_range(const GetOptions& o, Store& store, const CatalogEntry& entry) {
  const CatalogFile* file = nullptr;
  for (const CatalogFile& f : entry.files)
    if (o.file.empty() ? !file : f.path == o.file) file = &f;
  if (!file) {
    throw Error(Exit::kNo, "archive.absent",
                entry.id + " has no file " + escaped(o.file.empty() ? "at all" : o.file),
                "see: stream-archive show " + entry.id);
  }
  const Range range = parse_range(o.range);
  const bool to_stdout = o.output == "-";
  if (to_stdout && cli::is_terminal(1)) {
    throw Error(Exit::kUsage, "output.terminal", "standard output is a terminal",
                "pipe it, or give a file with -o");
  }
  const os::Fd out(
      to_stdout ? -1 : ::open(o.output.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!to_stdout && !out) throw_errno("create", o.output, errno);
  store.get(file->receipt.key, range.first, range.size, [&](std::string_view bytes) {
    if (to_stdout)
      cli::write_stdout(bytes);
    else
      write_or_throw(out.get(), bytes, o.output);
    return true;
  });
}

Exit get(const GetOptions& o, const cli::Context& context, control::Service& service) {
  const std::shared_ptr<OpenStore> opened = o.open_for(service);
  OpenStore& store = *opened;
  Catalog catalog(store, state_dir());
  const CatalogEntry entry = catalog.find(o.recording, o.max_age.value);
  if (!o.range.empty() || o.output == "-") {
    get_range(o, *store.store, entry);
    return Exit::kOk;
  }
  Restored restored;
  {
    Progress progress(context, service, "restoring");
    restored = restore_entry(*store.store, entry, o.output, progress, service, o.file);
  }
  if (context.json()) {
    context.print_json({{"schema", "stream.archive.get/1"},
                        {"recording", entry.id},
                        {"files", restored.files},
                        {"received_bytes", restored.received}});
  } else {
    context.confirm("restored " + entry.id + " to " + o.output);
  }
  return Exit::kOk;
}

struct PresignOptions : StoreOptions, IndexOptions {
  std::string recording, key, method = "GET";
  Duration expires{std::chrono::hours(1)};
};

}  // namespace

cli::Command get_command() {
  auto o = std::make_shared<GetOptions>();
  cli::Command command("get", "restore a recording from a store");
  command.description(
      "Its files appear under their names when their SHA-256 is right; a broken run goes on where "
      "it stopped. With --range, or with -o -, the bytes of one file are given as they are.");
  command.example("stream-archive get demo-20261120T100000Z --store dir:/srv/a -o out",
                  "restore a recording");
  command.positional("RECORDING", o->recording, "its name, or STREAM/NAME");
  command.option("-o,--output", o->output, "DIR|FILE|-", "where to")
      .required()
      .completes(cli::Completion::kDirectory);
  o->StoreOptions::declare(command);
  command.option("--file", o->file, "NAME", "only this file of it");
  command.option("--range", o->range, "FIRST-LAST", "only these bytes of one file, as in HTTP");
  o->IndexOptions::declare(command);
  o->EventOptions::declare(command);
  command.run([o](cli::Context& context) {
    control::Service service(o->service());
    return service.run([&] { return get(*o, context, service); });
  });
  return command;
}

cli::Command presign_command() {
  auto o = std::make_shared<PresignOptions>();
  cli::Command command("presign", "print addresses by which anybody may fetch a recording");
  command.description(
      "The addresses work until they expire, or until the credentials that signed them do. Who has "
      "one needs no key.");
  command.positional("RECORDING", o->recording, "its name, or STREAM/NAME").optional();
  o->StoreOptions::declare(command);
  command.option("--key", o->key, "KEY", "this object instead of a recording's files");
  command.option("--method", o->method, "METHOD", "what the address is good for")
      .choices({"GET", "PUT"});
  command.option("--expires", o->expires, "TIME", "how long it works, at most 7 days");
  o->IndexOptions::declare(command);
  command.check([o] {
    if (o->recording.empty() == o->key.empty()) {
      throw Error(Exit::kUsage, "usage.value", "one of RECORDING and --key is needed",
                  "for example: stream-archive presign NAME --store s3://bucket");
    }
  });
  command.run([o](cli::Context& context) {
    OpenStore store = o->open();
    std::vector<std::string> keys;
    if (!o->key.empty()) {
      keys.push_back(store.key(o->key));
    } else {
      Catalog catalog(store, state_dir());
      for (const CatalogFile& file : catalog.find(o->recording, o->max_age.value).files)
        keys.push_back(file.receipt.key);
    }
    const auto life = std::chrono::duration_cast<std::chrono::seconds>(o->expires.value);
    Json urls = Json::array();
    for (const std::string& key : keys) urls.push_back(store.store->presign(o->method, key, life));
    if (context.json()) {
      context.print_json({{"schema", "stream.archive.presign/1"},
                          {"urls", urls},
                          {"expires_seconds", life.count()}});
    } else {
      for (const Json& url : urls) context.print(url.get<std::string>() + "\n");
    }
    return 0;
  });
  return command;
}

}  // namespace stream::archive

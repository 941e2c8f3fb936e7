// verify: whether the store still has what the catalogue says.
#include "archive/verify.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "progress.h"
#include "verbs.h"

namespace stream::archive {
namespace {

struct VerifyOptions : StoreOptions, IndexOptions, EventOptions {
  std::vector<std::string> recordings;
  std::string stream;
  std::optional<double> sample;
};

std::vector<std::string> choose(const VerifyOptions& o, Catalog& catalog) {
  std::vector<std::string> keys;
  for (const std::string& name : o.recordings) {
    const CatalogEntry entry = catalog.find(name, o.max_age.value);
    keys.push_back(catalog.key_of(entry.stream, entry.id));
  }
  if (o.recordings.empty()) {
    for (const CatalogRow& row : catalog.rows(o.max_age.value))
      if (o.stream.empty() || row.stream == o.stream) keys.emplace_back(row.key);
  }
  if (o.sample && !keys.empty()) {
    std::mt19937_64 random{std::random_device{}()};
    std::shuffle(keys.begin(), keys.end(), random);
    const double wanted = static_cast<double>(keys.size()) * *o.sample / 100;
    keys.resize(std::clamp<size_t>(static_cast<size_t>(wanted + 0.999), 1, keys.size()));
    std::sort(keys.begin(), keys.end());
  }
  return keys;
}

Exit verify(const VerifyOptions& o, const cli::Context& context, control::Service& service) {
  const std::shared_ptr<OpenStore> opened = o.open_for(service);
  OpenStore& store = *opened;
  Catalog catalog(store, state_dir());
  Json bad = Json::array(), unread = Json::array();
  size_t files = 0, recordings = 0;
  {
    Progress progress(context, service, "verifying");
    for (const std::string& key : choose(o, catalog)) {
      const auto found = catalog.load(key);
      if (!found) continue;  // deleted meanwhile
      CatalogEntry entry = *found;
      ++recordings;
      bool good = true;
      progress.add_total(static_cast<int64_t>(entry.bytes()));
      for (CatalogFile& file : entry.files) {
        ++files;
        std::optional<std::string> damage;
        try {
          damage = find_damage(*store.store, file.receipt,
                               [&](uint64_t n) { progress.add_done(static_cast<int64_t>(n)); });
        } catch (const Error& error) {
          if (error.id() != "archive.large") throw;
          good = false;
          log::error(error.what());
          unread.push_back({{"recording", entry.id}, {"key", file.receipt.key}});
          continue;
        }
        if (!damage) {
          file.verified = wall_now();
          continue;
        }
        good = false;
        log::error(store.store->url(file.receipt.key) + ": " + *damage);
        service.emit("object.damaged", {{"key", file.receipt.key}, {"reason", *damage}});
        bad.push_back({{"recording", entry.id}, {"key", file.receipt.key}, {"reason", *damage}});
      }
      if (good) catalog.save(entry);
    }
  }
  if (context.json()) {
    context.print_json({{"schema", "stream.archive.verify/1"},
                        {"recordings", recordings},
                        {"files", files},
                        {"damaged", bad},
                        {"unreadable", unread}});
  } else {
    context.confirm(
        std::to_string(files - unread.size()) + " files of " + std::to_string(recordings) +
        " recordings were read back, " + std::to_string(bad.size()) + " are damaged" +
        (unread.empty() ? "" : ", " + std::to_string(unread.size()) + " can't be read"));
  }
  if (!bad.empty()) return Exit::kInputDamaged;
  return unread.empty() ? Exit::kOk : Exit::kPartial;
}

}  // namespace

cli::Command verify_command() {
  auto o = std::make_shared<VerifyOptions>();
  cli::Command command("verify", "read recordings back and compare size and SHA-256");
  command.description(
      "Without names all of the catalogue, or of one stream, is verified. When all is well the "
      "catalogue notes the time; what is damaged is named and the exit code is 12. What the hosted "
      "Bot API does not give out of a chat can't be read back: the exit code is then 13.");
  command.positional("RECORDING", o->recordings, "names, or STREAM/NAME").optional();
  o->StoreOptions::declare(command);
  command.option("--stream", o->stream, "NAME", "only this stream's")
      .completes(cli::Completion::kStream);
  command.option("--sample", o->sample, "PERCENT",
                 "only so many of them, chosen at random, at least one");
  o->IndexOptions::declare(command);
  o->EventOptions::declare(command);
  command.check([o] {
    if (o->sample && !(*o->sample > 0 && *o->sample <= 100))
      throw Error(Exit::kUsage, "usage.value", "--sample: not above 0 and up to 100",
                  "for example --sample 5");
  });
  command.run([o](cli::Context& context) {
    control::Service service(o->service());
    return service.run([&] { return verify(*o, context, service); });
  });
  return command;
}

}  // namespace stream::archive

// hide, unhide, set, delete, export: who may see a recording, and whose it is.
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "manifest/rights.h"
#include "os/atomic_file.h"
#include "os/fd.h"
#include "restore.h"
#include "verbs.h"

namespace stream::archive {
namespace {

using Edit = std::function<void(CatalogEntry&)>;

struct Change : StoreOptions, IndexOptions {
  std::vector<std::string> recordings, hls;
  std::vector<std::string> allow, forbid;
  std::string owner;
  bool make_public = false, make_private = false, hold = false, release = false;
  void declare_common(cli::Command& command) {
    command.description(
        "Of recordings in a store, and of HLS outputs: what stream-serve shows to viewers, see "
        "there. An output may be named before its stream begins. What vod makes of a recording has "
        "the rights that it had then.");
    command.positional("RECORDING", recordings, "names, or STREAM/NAME").optional();
    StoreOptions::declare(command, "--store", false);
    command
        .option("--hls", hls, "DIR",
                "an output of stream-ladder or of vod that it is to be true of")
        .completes(cli::Completion::kDirectory);
    IndexOptions::declare(command);
    command.check([this] {
      if (recordings.empty() && hls.empty())
        throw Error(Exit::kUsage, "usage.value", "no recording was named",
                    "name one or more, or pass --hls DIR");
      if (!recordings.empty() && url.empty())
        throw Error(Exit::kUsage, "usage.value", "where is the recording? --store is missing",
                    "for example --store dir:/srv/archive");
      if (!hls.empty() && (hold || release))
        throw Error(Exit::kUsage, "usage.value", "--hls: prune leaves outputs alone anyway",
                    "--hold and --release are for recordings in a store");
    });
  }
};

void change_recordings(const Change& o, const Edit& edit, const Edit& tell) {
  OpenStore store = o.open();
  Catalog catalog(store, state_dir());
  for (const std::string& name : o.recordings) {
    CatalogEntry entry = catalog.find(name, o.max_age.value);
    edit(entry);
    catalog.save(entry);
    tell(entry);
  }
}

void change_output(const std::string& folder, const Edit& edit, const Edit& tell) {
  const std::string path = folder + "/" + manifest::kRightsFile;
  CatalogEntry entry;  // an output has the same rights as a recording
  entry.id = folder;
  if (std::filesystem::exists(path))
    entry.rights = manifest::rights_from_json(Json::parse(os::read_file(path), nullptr, false));
  edit(entry);
  manifest::save_rights(folder, entry.rights);
  tell(entry);
}

int change(const Change& o, const cli::Context& context, const Edit& edit) {
  Json entries = Json::array();
  const Edit tell = [&](CatalogEntry& entry) {
    entries.push_back(
        {{"recording", entry.id},
         {"visibility", entry.rights.is_public ? "public" : "private"},
         {"hidden", entry.rights.hidden},
         {"held", entry.held},
         {"allow", entry.rights.allow},
         {"owner", entry.rights.owner.empty() ? Json(nullptr) : Json(entry.rights.owner)}});
    context.confirm(entry.id + " is " + (entry.rights.is_public ? "public" : "private") +
                    (entry.rights.hidden ? ", hidden" : "") + (entry.held ? ", held" : ""));
  };
  if (!o.recordings.empty()) change_recordings(o, edit, tell);
  for (const std::string& folder : o.hls) change_output(folder, edit, tell);
  if (context.json())
    context.print_json({{"schema", "stream.archive.set/1"}, {"recordings", entries}});
  return 0;
}

cli::Command hide(const char* name, const char* summary, bool hidden) {
  auto o = std::make_shared<Change>();
  cli::Command command(name, summary);
  o->declare_common(command);
  command.run([o, hidden](cli::Context& context) {
    return change(*o, context, [hidden](CatalogEntry& entry) { entry.rights.hidden = hidden; });
  });
  return command;
}

void apply(const Change& o, CatalogEntry& entry) {
  if (o.make_public) entry.rights.is_public = true;
  if (o.make_private) entry.rights.is_public = false;
  if (o.hold) entry.held = true;
  if (o.release) entry.held = false;
  if (!o.owner.empty()) entry.rights.owner = o.owner;
  for (const std::string& user : o.allow)
    if (std::find(entry.rights.allow.begin(), entry.rights.allow.end(), user) ==
        entry.rights.allow.end())
      entry.rights.allow.push_back(user);
  for (const std::string& user : o.forbid)
    entry.rights.allow.erase(
        std::remove(entry.rights.allow.begin(), entry.rights.allow.end(), user),
        entry.rights.allow.end());
}

struct DeleteOptions : StoreOptions, IndexOptions {
  std::string recording, confirm;
  bool dry_run = false;
};

int delete_recording(const DeleteOptions& o, const cli::Context& context) {
  OpenStore store = o.open();
  Catalog catalog(store, state_dir());
  const CatalogEntry entry = catalog.find(o.recording, o.max_age.value);
  if (entry.held) {
    throw Error(Exit::kNotAllowed, "archive.held", entry.id + " is held",
                "release it first: stream-archive set " + entry.id + " --release");
  }
  if (!o.dry_run && o.confirm != entry.id) {
    throw Error(Exit::kUsage, "usage.confirm", "deleting " + entry.id + " can't be undone",
                "repeat its name: --confirm " + entry.id);
  }
  std::vector<std::string> keys;
  Json files = Json::array();
  for (const CatalogFile& file : entry.files) {
    keys.push_back(file.receipt.key);
    files.push_back({{"key", file.receipt.key},
                     {"size_bytes", file.receipt.size},
                     {"sha256", file.receipt.sha256}});
  }
  if (!o.dry_run) {
    store.store->remove(keys);
    for (const std::string& key : keys) {
      if (store.store->head(key)) {
        throw Error(Exit::kRefused, "archive.refused",
                    store.store->url(key) + " is still there after it was deleted",
                    "the bucket may keep versions or be locked");
      }
    }
    catalog.remove(entry);
  }
  context.print_json({{"schema", "stream.archive.delete/1"},
                      {"dry_run", o.dry_run},
                      {"recording", entry.id},
                      {"stream", entry.stream.empty() ? Json(nullptr) : Json(entry.stream)},
                      {"store", store.location.text()},
                      {"deleted_at", rfc3339(wall_now())},
                      {"files", files}});
  return 0;
}

struct ExportOptions : StoreOptions, IndexOptions, EventOptions {
  std::string user, output;
};

Exit export_user(const ExportOptions& o, const cli::Context& context, control::Service& service) {
  const std::shared_ptr<OpenStore> opened = o.open_for(service);
  OpenStore& store = *opened;
  Catalog catalog(store, state_dir());
  Json entries = Json::array();
  {
    Progress progress(context, service, "restoring");
    for (const CatalogRow& row : catalog.rows(o.max_age.value)) {
      if (row.owner != o.user) continue;
      const auto entry = catalog.load(std::string(row.key));
      if (!entry || entry->rights.owner != o.user) continue;
      const std::string folder =
          o.output + "/" + (entry->stream.empty() ? "-" : entry->stream) + "/" + entry->id;
      restore_entry(*store.store, *entry, folder, progress, service);
      entries.push_back(to_json(*entry));
    }
  }
  std::error_code ignored;
  std::filesystem::create_directories(o.output, ignored);
  const Json document = {{"schema", "stream.archive.export/1"},
                         {"user", o.user},
                         {"exported_at", rfc3339(wall_now())},
                         {"recordings", entries}};
  os::write_file(o.output + "/export.json",
                 document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n",
                 os::Sync::kYes, 0600);
  if (context.json())
    context.print_json({{"schema", "stream.archive.export/1"},
                        {"user", o.user},
                        {"recordings", entries.size()},
                        {"output", o.output}});
  context.confirm("exported " + std::to_string(entries.size()) + " recordings of " + o.user +
                  " to " + o.output);
  return Exit::kOk;
}

}  // namespace

cli::Command hide_command() {
  return hide("hide", "leave recordings out of lists, and show them by token only", true);
}

cli::Command unhide_command() {
  return hide("unhide", "put hidden recordings into lists again", false);
}

cli::Command set_command() {
  auto o = std::make_shared<Change>();
  cli::Command command("set", "say who may see recordings, and hold them");
  o->declare_common(command);
  command.flag("--public", o->make_public, "everybody may see them").excludes("private");
  command.flag("--private", o->make_private, "only users who are allowed may see them");
  command.option("--allow", o->allow, "USER", "a user who may see them when they are private");
  command.option("--forbid", o->forbid, "USER", "a user who no longer may");
  command.option("--owner", o->owner, "USER", "whose data they are");
  command.flag("--hold", o->hold, "prune and delete leave them alone").excludes("release");
  command.flag("--release", o->release, "hold them no longer");
  command.run([o](cli::Context& context) {
    return change(*o, context, [&](CatalogEntry& entry) { apply(*o, entry); });
  });
  return command;
}

cli::Command delete_command() {
  auto o = std::make_shared<DeleteOptions>();
  cli::Command command("delete", "delete a recording from the store, for good");
  command.description(
      "All its objects and its entry go. Prints a receipt as JSON: what was deleted, with the "
      "checksums, and when.");
  command.positional("RECORDING", o->recording, "its name, or STREAM/NAME");
  o->StoreOptions::declare(command);
  command.option("--confirm", o->confirm, "NAME", "the recording's name again").command_line_only();
  command.flag("-n,--dry-run", o->dry_run, "only say what would go").command_line_only();
  o->IndexOptions::declare(command);
  command.run([o](cli::Context& context) { return delete_recording(*o, context); });
  return command;
}

cli::Command export_command() {
  auto o = std::make_shared<ExportOptions>();
  cli::Command command("export", "restore all recordings of a user, with what is known of them");
  command.option("--user", o->user, "USER", "whose").required();
  command.option("-o,--output", o->output, "DIR", "where to")
      .required()
      .completes(cli::Completion::kDirectory);
  o->StoreOptions::declare(command);
  o->IndexOptions::declare(command);
  o->EventOptions::declare(command);
  command.run([o](cli::Context& context) {
    control::Service service(o->service());
    return service.run([&] { return export_user(*o, context, service); });
  });
  return command;
}

}  // namespace stream::archive

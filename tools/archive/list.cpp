// list, search, show: what the catalogue says.
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/lower.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "verbs.h"

namespace stream::archive {
namespace {

std::vector<std::string> columns() {
  return {"recording", "stream", "started", "duration", "size", "files", "flags"};
}

struct ListOptions : StoreOptions, IndexOptions {
  std::string stream, since;
  std::string words;  // of search
  bool all = false, refresh = false;
  cli::TableBundle table;
};

// "2026-11-20", "2026-11-20T10:00:00Z" or "7d" ago; in ms since 1970.
int64_t parse_since(const std::string& text) {
  if (text.empty()) return INT64_MIN;
  const bool day = text.size() == 10 && text[4] == '-' && text[7] == '-';
  if (const auto time = parse_rfc3339(day ? text + "T00:00:00Z" : text)) return unix_ms(*time);
  try {
    return unix_ms(wall_now()) -
           std::chrono::duration_cast<std::chrono::milliseconds>(parse_duration(text).value)
               .count();
  } catch (const Error&) {
    throw Error(Exit::kUsage, "usage.value", "--since: \"" + escaped(text) + "\" is no time",
                "for example 2026-11-20, 2026-11-20T10:00:00Z, or 7d for a week ago");
  }
}

bool matches(const CatalogRow& row, const std::vector<std::string>& words) {
  if (words.empty()) return true;
  const std::string text = lower(std::string(row.id) + " " + std::string(row.stream) + " " +
                                 std::string(row.owner) + " " + std::string(row.names));
  return std::all_of(words.begin(), words.end(),
                     [&](const std::string& word) { return text.find(word) != text.npos; });
}

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : lower(text) + " ") {
    if (c != ' ')
      word += c;
    else if (!word.empty())
      words.push_back(std::exchange(word, {}));
  }
  return words;
}

std::string size_text(uint64_t bytes) {
  char text[32];
  if (bytes >= (1u << 30))
    std::snprintf(text, sizeof text, "%.1fGiB", static_cast<double>(bytes) / (1 << 30));
  else if (bytes >= (1u << 20))
    std::snprintf(text, sizeof text, "%.1fMiB", static_cast<double>(bytes) / (1 << 20));
  else
    std::snprintf(text, sizeof text, "%lluB", static_cast<unsigned long long>(bytes));
  return text;
}

std::string duration_text(double seconds) {
  if (seconds <= 0) return {};
  return cli::clock_text(std::chrono::seconds(static_cast<int64_t>(seconds + 0.5)));
}

std::string flags_text(std::string_view flags) {
  std::string out;
  for (const char c : flags) {
    out += out.empty() ? "" : ",";
    out += c == 'h' ? "hidden" : c == 'p' ? "private" : "held";
  }
  return out;
}

int list(const ListOptions& o, const cli::Context& context) {
  OpenStore store = o.open();
  Catalog catalog(store, state_dir());
  if (o.refresh) catalog.refresh();
  const int64_t since = parse_since(o.since);
  const std::vector<std::string> words = words_of(o.words);
  const std::vector<CatalogRow> all = catalog.rows(o.max_age.value);
  std::vector<const CatalogRow*> rows;
  rows.reserve(all.size());
  for (const CatalogRow& row : all) {
    if ((o.stream.empty() || row.stream == o.stream) && row.started_ms >= since &&
        (o.all || row.flags.find('h') == row.flags.npos) && matches(row, words))
      rows.push_back(&row);
  }
  // Stable: those of one time stay in the order of their keys.
  std::stable_sort(rows.begin(), rows.end(), [](const CatalogRow* a, const CatalogRow* b) {
    return a->started_ms < b->started_ms;
  });
  if (context.json()) {
    // Joined, not built: the rows are JSON as they are.
    std::string out = "{\"schema\":\"stream.archive.list/1\",\"recordings\":[";
    size_t size = out.size() + 8;
    for (const CatalogRow* row : rows) size += row->json.size() + 1;
    out.reserve(size);
    for (size_t i = 0; i < rows.size(); ++i) (out += i > 0 ? "," : "") += rows[i]->json;
    context.print(out += "]}\n");
    return 0;
  }
  cli::Table table(columns());
  for (const CatalogRow* row : rows) {
    const std::string started = rfc3339(WallTime(std::chrono::milliseconds(row->started_ms)));
    table.add({std::string(row->id), std::string(row->stream), started.substr(0, 19) + "Z",
               duration_text(row->duration), size_text(row->bytes), std::to_string(row->files),
               flags_text(row->flags)});
  }
  context.print(table.text(o.table));
  return 0;
}

cli::Command listing(const std::string& name, const std::string& summary,
                     const std::shared_ptr<ListOptions>& o) {
  cli::Command command(name, summary);
  o->StoreOptions::declare(command);
  command.option("--stream", o->stream, "NAME", "only this stream's")
      .completes(cli::Completion::kStream);
  command.option("--since", o->since, "TIME",
                 "only what started then or later: a date, a time, or 7d");
  command.flag("--all", o->all, "hidden ones too");
  command.flag("--refresh", o->refresh, "bring the local index up to date first");
  o->IndexOptions::declare(command);
  o->table.declare(command, columns());
  command.run([o](cli::Context& context) { return list(*o, context); });
  return command;
}

struct ShowOptions : StoreOptions, IndexOptions {
  std::string recording;
};

}  // namespace

cli::Command list_command() {
  auto o = std::make_shared<ListOptions>();
  cli::Command command = listing("list", "list the recordings of a store", o);
  command.description(
      "From a local index of the catalogue, which is made when there is none and brought up to "
      "date when it is old; it may be deleted at any time.");
  return command;
}

cli::Command search_command() {
  auto o = std::make_shared<ListOptions>();
  cli::Command command = listing("search", "find recordings by words", o);
  command.description(
      "Lists those whose name, stream, owner or file names hold every word, in any case.");
  command.positional("WORDS", o->words, "what to look for");
  return command;
}

cli::Command show_command() {
  auto o = std::make_shared<ShowOptions>();
  cli::Command command("show", "print what the catalogue says about a recording");
  command.description("Prints its entry, stream.catalog/1, as JSON.");
  command.positional("RECORDING", o->recording, "its name, or STREAM/NAME");
  o->StoreOptions::declare(command);
  o->IndexOptions::declare(command);
  command.run([o](cli::Context& context) {
    OpenStore store = o->open();
    Catalog catalog(store, state_dir());
    const Json entry = to_json(catalog.find(o->recording, o->max_age.value));
    if (context.json())
      context.print_json(entry);
    else
      context.print(entry.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
    return 0;
  });
  return command;
}

}  // namespace stream::archive

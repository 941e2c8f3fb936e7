#include "streams/file.h"

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/text.h"
#include "base/url.h"
#include "streams/values.h"

namespace stream::streams {
namespace {

using config::Node;

constexpr size_t kMaxDestinations = 64;
constexpr size_t kMaxHooks = 16;

Part parse_part(const Node& node, const Section& section, const std::string& directory) {
  std::vector<std::string> known;
  for (const Key& key : section.keys) known.emplace_back(key.name);
  node.only(known);
  Part part{&section, {}};
  for (const Key& key : section.keys) {
    const Node* value = node.find(key.name);
    if (!value) continue;
    Setting setting{&key, {}};
    if (key.list && value->is_list()) {
      for (const Node& item : value->items())
        setting.values.push_back(read_value(item, key, directory));
      if (setting.values.empty()) value->fail("the list is empty", "leave the key out");
    } else {
      setting.values.push_back(read_value(*value, key, directory));
    }
    // What is false is as if it were not there.
    const bool flag = key.kind == Kind::kFlag || key.kind == Kind::kStream;
    if (!flag || setting.values[0] == "true") part.settings.push_back(std::move(setting));
  }
  return part;
}

// What speaks TLS has a certificate, and a certificate has a use.
void check_tls(const Node& node, const Part& part, const std::vector<std::string>& schemes) {
  const Setting* listen = part.find("listen");
  std::string used;
  for (const std::string& address : listen ? listen->values : std::vector<std::string>())
    for (const std::string& scheme : schemes)
      if (address.starts_with(scheme + "://")) used = address;
  for (const char* key : {"cert", "key"}) {
    if (!used.empty() && !part.find(key))
      node.fail("'" + std::string(key) + "' is missing for " + used,
                "say cert: FULLCHAIN.PEM and key: KEY.PEM");
    if (used.empty() && part.find(key))
      node.at(key).fail("nothing listens in TLS",
                        "listen on " + schemes.front() + "://, or leave it out");
  }
}

void check_input(const Node& node, const Part& part) {
  int sources = 0;
  for (const char* source : {"listen", "pull", "playlist", "test_pattern", "external"})
    sources += part.find(source) != nullptr;
  // Publishers may be among several inputs, and are not needed for them.
  if (part.find("inputs") && !part.find("listen")) ++sources;
  if (sources != 1)
    node.fail(sources ? "the input has more than one source" : "the input has no source",
              "say one of listen, pull, playlist, inputs, test_pattern and external");
  check_tls(node, part, {"rtmps", "whips"});
  const bool known = part.find("key_file") || part.find("token_key") || part.find("auth_url");
  if (part.find("listen") && !known && !part.find("open"))
    node.fail("nothing says who may publish",
              "say key_file: FILE (stream-keys makes one), or open: true");
  if (!part.find("listen") || !part.find("open") || part.find("insecure")) return;
  for (const std::string& address : part.find("listen")->values)
    if (const auto url = parse_url(address); url && !is_loopback_host(url->host))
      node.at("open").fail("the stream would be open to everybody who reaches " + url->authority(),
                           "use key_file, listen on 127.0.0.1, or say insecure: true");
}

// Files, live streams, or both; and nothing is said of files that there are not.
void check_ladder(const Node& node, const Part& part) {
  if (part.find("output")) return;
  if (!part.find("bus"))
    node.fail("nothing says where the rungs go",
              "say output: DIR for HLS, bus: true for live streams of their own, or both");
  for (const char* key : {"dvr", "format"})
    if (part.find(key))
      node.at(key).fail("it is said of HLS, and without 'output' none is made",
                        "add output: DIR, or leave it out");
}

bool makes_hls(const Node& root) {
  const Node* ladder = root.find("ladder");
  return ladder && ladder->find("output");
}

void check_served(const Node& node, const Part& part, const Node& root) {
  if (part.find("hls") || makes_hls(root) || part.find("whep")) return;
  node.fail("nothing says what is served",
            "say hls: DIR, whep: true, or add a ladder with an output");
}

// Media comes once stream-ingest runs, and not when a publisher does.
bool has_own_source(const Part& input) {
  return input.find("pull") || input.find("test_pattern");
}

void need(const Node& node, const Part& part, const char* key) {
  if (!part.find(key))
    node.fail("'" + std::string(key) + "' is missing in " + std::string(part.section->name));
}

void check_archive(const Node& node, const Part& part, const Node& root) {
  need(node, part, "to");
  const std::string what = part.value("what");
  const char* missing = what == "live" || root.find("record") ? nullptr : "section record";
  if ((what == "live" || what == "all") && !makes_hls(root))
    missing = root.find("ladder") ? "output in the ladder" : "section ladder";
  if (missing)
    node.fail(std::string("nothing makes what it is for: there is no ") + missing,
              "add it, or say what: " + std::string(what == "live" ? "recordings" : "live"));
  if (!part.value("to").starts_with("telegram:")) return;
  if (what == "live" || what == "all")
    node.at("what").fail("a chat can't hold a live output", "leave it out: recordings go there");
  need(node, part, "credentials");
}

Destination parse_destination(const std::string& name, const Node& node,
                              const std::string& directory) {
  Destination d{name, {}, {}};
  if (!is_stream_name(name))
    node.fail("'" + escaped(name, 60) + "' is no name for a destination",
              "use 1 to 63 of a-z 0-9 . _ -");
  if (node.is_map()) {
    std::vector<std::string> known{"url", "key"};
    for (const Key& key : destination_keys()) known.emplace_back(key.name);
    node.only(known);
    if (const Node* url = node.find("url")) d.url = url->text();
    for (const Key& key : destination_keys())
      if (const Node* value = node.find(key.name))
        d.options.push_back({&key, {read_value(*value, key, directory)}});
    if (const Node* key = node.find("key")) {
      d.key = key->text();
      if (!d.key.starts_with("@"))
        key->fail("a key is not written here", "write its source: \"@vault:NAME\", \"@file:PATH\"");
    }
  } else {
    d.url = node.text();
  }
  d.url = absolute_source(d.url, directory);
  d.key = absolute_source(d.key, directory);
  for (const std::string* text : {&d.url, &d.key})
    if (text->starts_with("@-") || text->starts_with("@fd:"))
      node.fail("'" + escaped(*text, 60) + "' can be read only once",
                "use @vault:NAME, @file:PATH or @cred:NAME");
  if (d.spec().find_first_of(std::string("\n\r\0", 3)) != std::string::npos)
    node.fail("a line break has no place here");
  const auto url = parse_url(d.url);
  if (!d.url.empty() && !d.url.starts_with("@") && !url)
    node.fail("'" + escaped(d.url, 100) + "' is neither a URL nor the source of one",
              "for example rtmp://HOST/APP with key: \"@file:PATH\", or \"@vault:NAME\"");
  if (url && !url->password.empty())
    node.fail("the URL carries a password", "put it into a file and write \"@file:PATH\"");
  return d;
}

}  // namespace

const Setting* Part::find(std::string_view name) const {
  for (const Setting& setting : settings)
    if (setting.key->name == name) return &setting;
  return nullptr;
}

std::string Part::value(std::string_view name) const {
  const Setting* setting = find(name);
  return setting ? setting->values[0] : std::string();
}

std::string Destination::spec() const {
  std::string text = name + "=" + url + (key.empty() ? "" : ",key=" + key);
  for (const Setting& one : options) text += std::string(one.key->option) + one.values[0];
  return text;
}

std::string Destination::option(std::string_view wanted) const {
  for (const Setting& one : options)
    if (one.key->name == wanted) return one.values[0];
  return {};
}

const Part* File::find(std::string_view section_name) const {
  for (const Part& part : parts)
    if (part.section->name == section_name) return &part;
  return nullptr;
}

std::string hls_output(const File& file) {
  const Part* ladder = file.find("ladder");
  return ladder ? ladder->value("output") : std::string();
}

bool archives_recordings(const File& file) {
  const Part* archive = file.find("archive");
  return archive && archive->value("what") != "live";
}

bool archives_live(const File& file) {
  const Part* archive = file.find("archive");
  return archive && (archive->value("what") == "live" || archive->value("what") == "all");
}

File parse_file(const Node& root, const std::string& directory) {
  std::vector<std::string> known{"name",     "title",        "group", "visibility",
                                 "schedule", "destinations", "hooks"};
  for (const Section& section : sections()) known.emplace_back(section.name);
  root.only(known);
  File file;
  const Node& name = root.at("name");
  file.name = name.text();
  if (!is_stream_name(file.name))
    name.fail("'" + escaped(file.name, 60) + "' is not a stream name",
              "1 to 63 of a-z 0-9 . _ -, beginning with a letter or digit");
  if (const Node* title = root.find("title")) {
    file.title = title->text();
    if (file.title.size() > kMaxTitle) title->fail("the title is longer than 200 bytes");
  }
  if (const Node* group = root.find("group")) {
    file.group = group->text();
    if (!is_stream_name(file.group))
      group->fail("'" + escaped(file.group, 60) + "' is not a name",
                  "use 1 to 63 of a-z 0-9 . _ -");
  }
  if (const Node* visibility = root.find("visibility"))
    file.visibility = parse_visibility(*visibility);
  for (const Section& section : sections()) {
    const Node* node = root.find(section.name);
    if (!node) continue;
    Part part = parse_part(*node, section, directory);
    if (section.name == "input") check_input(*node, part);
    if (section.name == "ladder") check_ladder(*node, part);
    if (section.name == "record") need(*node, part, "output");
    if (section.name == "serve") {
      need(*node, part, "listen");
      check_tls(*node, part, {"https"});
      check_served(*node, part, root);
    }
    if (section.name == "archive") check_archive(*node, part, root);
    file.parts.push_back(std::move(part));
  }
  if (!file.find("input"))
    root.fail("'input' is missing", "for example input: {test_pattern: true}");
  if (const Node* schedule = root.find("schedule"))
    file.schedule = parse_schedule(*schedule, has_own_source(*file.find("input")));
  if (const Node* destinations = root.find("destinations")) {
    for (const auto& [key, node] : destinations->entries())
      file.destinations.push_back(parse_destination(key, node, directory));
    std::sort(file.destinations.begin(), file.destinations.end(),
              [](const Destination& a, const Destination& b) { return a.name < b.name; });
    if (file.destinations.size() > kMaxDestinations)
      destinations->fail("more than 64 destinations");
  }
  if (const Node* list = root.find("hooks")) {
    for (const auto& [key, node] : list->entries())
      file.hooks.push_back(parse_hook(key, node, directory));
    std::sort(file.hooks.begin(), file.hooks.end(),
              [](const hooks::Hook& a, const hooks::Hook& b) { return a.name < b.name; });
    if (file.hooks.size() > kMaxHooks) list->fail("more than 16 hooks");
  }
  if (file.find("simulcast") && file.destinations.empty())
    root.at("simulcast").fail("there are no destinations", "add 'destinations', or leave this out");
  return file;
}

File load_file(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path where = fs::absolute(path, error);
  return parse_file(Node::load(path), where.parent_path().string());
}

Json to_json(const File& file) {
  Json out{{"name", file.name}};
  if (!file.title.empty()) out["title"] = file.title;
  if (!file.group.empty()) out["group"] = file.group;
  if (file.visibility) out["visibility"] = visibility_json(*file.visibility);
  if (file.schedule) out["schedule"] = to_json(*file.schedule);
  for (const Part& part : file.parts) {
    Json& section = out[std::string(part.section->name)] = Json::object();
    for (const Setting& setting : part.settings) {
      Json& value = section[std::string(setting.key->name)];
      if (setting.key->list)
        value = setting.values;
      else if (setting.key->kind == Kind::kFlag || setting.key->kind == Kind::kStream)
        value = true;
      else
        value = setting.values[0];
    }
  }
  for (const Destination& d : file.destinations) {
    Json& one = out["destinations"][d.name] = Json::object();
    if (!d.url.empty()) one["url"] = d.url;
    if (!d.key.empty()) one["key"] = d.key;
    for (const Setting& option : d.options) one[std::string(option.key->name)] = option.values[0];
  }
  for (const hooks::Hook& hook : file.hooks) out["hooks"][hook.name] = to_json(hook);
  return out;
}

// JSON is YAML: one parser for both.
File file_from_json(const Json& document, const std::string& origin) {
  return parse_file(Node::parse(document.dump(), origin), "/");
}

File file_of(const manifest::Stream& stream) {
  return file_from_json(stream.file, "manifest of " + stream.name);
}

}  // namespace stream::streams

// The stream file, stream.yaml(5): what a stream is. Read strictly; a section's keys are the
// options of the program it stands for, by the table of sections(). Paths are absolute once read.
// Pure, but that the time zone of a schedule is looked up.
#pragma once
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/node.h"
#include "hooks/hook.h"
#include "manifest/rights.h"
#include "manifest/stream.h"
#include "streams/schedule.h"

namespace stream::streams {

using Json = nlohmann::json;

enum class Kind {
  kText,
  kUrl,
  kName,    // the grammar of stream names
  kPath,    // made absolute from the file's directory
  kPlace,   // a URL, @file:PATH and the like, or a path
  kStore,   // s3://BUCKET/PREFIX, dir:PATH, telegram://CHAT
  kSource,  // of a secret: @vault:NAME, @file:PATH
  kSize,    // 2GiB
  kTimeOrSize,
  kInput,     // NAME=WHERE
  kSlate,     // a text, or the path of a picture
  kDuration,  // 30s
  kBitRate,   // 800k
  kFrameSize,
  kCount,  // a whole number >= 0
  kNumber,
  kFlag,          // true: the option is given
  kStream,        // true: the option is given with the stream's name
  kStreamSource,  // a source, given as NAME=SOURCE with the stream's name
  kWindow,        // a duration or "all"
  kRung,          // 720p@2800k
};

// One key of a section and the option that it becomes.
struct Key {
  std::string_view name;    // hold
  std::string_view option;  // --hold; empty: the section's own business
  Kind kind;
  bool list = false;              // a list is given by repeating the option
  std::string_view choices = {};  // "replace refuse"
  std::string_view meaning = {};  // for stream.yaml(5)
};
struct Section {
  std::string_view name;  // in the file
  std::string_view tool;  // the program that does it
  std::span<const Key> keys;
  std::string_view verb = {};  // of that program
};
std::span<const Section> sections();
const Section& section(std::string_view name);
// What a destination may say beside its address and its key.
std::span<const Key> destination_keys();

struct Setting {
  const Key* key = nullptr;
  std::vector<std::string> values;  // one, unless the key is a list
  bool operator==(const Setting&) const = default;
};

// A section that is in the file.
struct Part {
  const Section* section = nullptr;
  std::vector<Setting> settings;  // in the order of the section's keys
  const Setting* find(std::string_view name) const;
  std::string value(std::string_view name) const;  // empty when not there
  bool operator==(const Part&) const = default;
};

struct Destination {
  std::string name, url, key;
  std::vector<Setting> options = {};  // in the order of destination_keys()
  // NAME=URL,key=SOURCE,profile=PLATFORM..., as stream-simulcast takes it.
  std::string spec() const;
  std::string option(std::string_view name) const;  // empty when not there
  bool operator==(const Destination&) const = default;
};

struct File {
  std::string name, title, group;
  std::vector<Part> parts;                // in the order of sections(); "input" is always there
  std::vector<Destination> destinations;  // by name
  std::vector<hooks::Hook> hooks;         // by name
  std::optional<Schedule> schedule;
  std::optional<manifest::Rights> visibility;  // none: whatever the output says by itself

  const Part* find(std::string_view section_name) const;
  bool operator==(const File&) const = default;
};

// One of the section "hooks": @file:PATH and programs are relative to `directory`.
hooks::Hook parse_hook(const std::string& name, const config::Node& node,
                       const std::string& directory);
Json to_json(const hooks::Hook& hook);
// The section "visibility".
manifest::Rights parse_visibility(const config::Node& node);
Json visibility_json(const manifest::Rights& rights);

// The directory of its HLS; empty: none is made.
std::string hls_output(const File& file);
// What its archive takes, where it has one: the recordings, the ladder's output.
bool archives_recordings(const File& file);
bool archives_live(const File& file);

// Throw Error kConfig "config.invalid" with file, line, column and, where there is one, the right
// word. `directory` is what relative paths are relative to.
File parse_file(const config::Node& root, const std::string& directory);
File load_file(const std::string& path);

// The file in its normal form, stream.file/1: what parse_file() takes, with absolute paths.
Json to_json(const File& file);
std::string to_yaml(const File& file);
// A path, or "@file:PATH", made absolute from the directory of the stream file.
std::string absolute_path(const std::string& path, const std::string& directory);
std::string absolute_source(const std::string& text, const std::string& directory);

// Of a document that to_json() made; `origin` stands for the file's name in errors.
File file_from_json(const Json& document, const std::string& origin);
// That a stream was applied with.
File file_of(const manifest::Stream& stream);

}  // namespace stream::streams

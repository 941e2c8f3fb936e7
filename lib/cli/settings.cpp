#include "cli/settings.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "base/url.h"
#include "cli/secret_source.h"
#include "config/node.h"
#include "os/dirs.h"

namespace stream::cli {
namespace {

// All options of the tool, of whatever verb: one file serves all of them.
void collect(const Command& command, std::vector<const Option*>& out) {
  for (const auto& option : command.options()) out.push_back(option.get());
  for (const auto& verb : command.verbs()) collect(*verb, out);
}

std::vector<std::string> values_of(const config::Node& node, const Option& option) {
  if (!node.is_list()) return {node.text()};
  if (!option.repeats || option.is_flag) node.fail("'" + option.name + "' takes one value");
  std::vector<std::string> values;
  for (const config::Node& item : node.items()) values.push_back(item.text());
  return values;
}

void add_file(Invocation& invocation, const std::string& path,
              const std::vector<const Option*>& all, const std::vector<const Option*>& scope) {
  const config::Node file = config::Node::load(path);
  if (file.is_null()) return;
  std::vector<std::string> known;
  for (const Option* option : all)
    if (option->in_file) known.push_back(option->name);
  file.only(known);
  for (const Option* option : scope) {
    if (!option->in_file || invocation.find(*option)) continue;
    if (const config::Node* node = file.find(option->name))
      invocation.settings.push_back({option, values_of(*node, *option), node->position()});
  }
}

// The lists are of one value per line: a value may hold commas and spaces.
std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t start = 0; start <= text.size();) {
    const size_t end = std::min(text.find('\n', start), text.size());
    if (end > start) lines.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return lines;
}

void add_environment(Invocation& invocation, const std::string& tool,
                     const std::vector<const Option*>& scope) {
  for (const Option* option : scope) {
    if (!option->in_environment || invocation.find(*option)) continue;
    const std::string name = option->environment(tool);
    const char* value = std::getenv(name.c_str());
    if (!value || !*value) continue;
    const bool list = option->repeats && !option->is_flag;
    invocation.settings.push_back(
        {option, list ? split_lines(value) : std::vector<std::string>{value}, name});
  }
}

void check_choice(const Option& option, const std::string& value) {
  if (option.allowed.empty()) return;
  if (std::find(option.allowed.begin(), option.allowed.end(), value) != option.allowed.end())
    return;
  std::string list;
  for (const std::string& word : option.allowed) list += (list.empty() ? "" : ", ") + word;
  const auto right = nearest(value, option.allowed);
  throw Error(Exit::kUsage, "usage.value", "'" + escaped(value, 60) + "' is not one of " + list,
              right ? "did you mean " + *right + "?" : "");
}

// The URL itself when it stands somewhere that the process list does not show.
std::string resolve_url(const Option& option, const std::string& value, bool on_command_line,
                        bool secrets_in_urls) {
  if (is_secret_source(value)) return std::string(read_secret(value).reveal());
  const auto url = parse_url(value);
  if (!on_command_line || secrets_in_urls || !url || !carries_secret(*url)) return value;
  throw Error(Exit::kUsage, "secret.argv",
              "the URL for " + option.flag() + " (" + url->redacted() +
                  ") seems to carry a key, and everybody on this machine can read it there",
              "put the URL into a file of mode 0600 and write " + option.flag() + " @file:PATH (" +
                  "--insecure-argv for a throw-away key)");
}

void apply(const Setting& setting, bool secrets_in_urls) {
  const Option& option = *setting.option;
  const bool typed = setting.origin == "command line";
  try {
    std::vector<std::string> values = setting.values;
    for (std::string& value : values) {
      check_choice(option, value);
      if (option.is_url) value = resolve_url(option, value, typed, secrets_in_urls);
    }
    option.apply(values);
  } catch (const Error& e) {
    const bool file = !typed && !setting.origin.starts_with("STREAM_");
    const std::string where = typed ? option.flag() : setting.origin;
    const std::string key = file ? " (" + option.name + ")" : "";
    throw Error(file && e.code() == Exit::kUsage ? Exit::kConfig : e.code(), e.id(),
                e.id() == "secret.argv" ? e.what() : where + key + ": " + e.what(), e.hint());
  }
}

}  // namespace

std::string tool_name(const Command& root) {
  const std::string prefix = "stream-";
  return root.name().starts_with(prefix) ? root.name().substr(prefix.size()) : root.name();
}

void add_layers(Invocation& invocation, const Command& general,
                const std::vector<const Option*>& scope) {
  const std::string tool = tool_name(*invocation.path[0]);
  add_environment(invocation, tool, scope);

  std::vector<const Option*> all;
  collect(*invocation.path[0], all);
  collect(general, all);
  std::set<std::string> seen;
  for (const Setting& setting : invocation.settings)
    if (setting.option->name == "config" && !setting.option->is_operand) {
      const std::string path = setting.values.back();
      seen.insert(path);
      add_file(invocation, path, all, scope);  // the user named it: it must be there
      break;
    }
  for (const std::string& dir : {os::config_dir(), std::string("/etc/stream")}) {
    const std::string path = dir + "/" + tool + ".yaml";
    if (seen.insert(path).second && ::access(path.c_str(), F_OK) == 0)
      add_file(invocation, path, all, scope);
  }
}

void apply_settings(const Invocation& invocation, bool secrets_in_urls) {
  for (const Setting& setting : invocation.settings) apply(setting, secrets_in_urls);
}

void warn_about_environment(const Command& root, const Command& general) {
  static constexpr std::string_view kTools[] = {"INGEST", "LADDER",  "RECORD", "SIMULCAST",
                                                "KEYS",   "ARCHIVE", "CTL",    "SERVE"};
  const std::string tool = tool_name(root);
  std::string own = "STREAM_";
  for (char c : tool) own += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  own += "_";
  std::vector<const Option*> all;
  collect(root, all);
  collect(general, all);
  // Compared without what all of them begin with, so that only a near miss is a suggestion.
  const auto tail = [](const std::string& name) { return name.substr(sizeof "STREAM_" - 1); };
  std::vector<std::string> known{"RUNTIME_DIR", "STATE_DIR", "CONFIG_DIR"};
  for (const Option* option : all)
    if (option->in_environment) known.push_back(tail(option->environment(tool)));
  for (char** entry = environ; *entry; ++entry) {
    const std::string_view text(*entry);
    const std::string name(text.substr(0, text.find('=')));
    if (!name.starts_with("STREAM_")) continue;
    const bool others = std::any_of(std::begin(kTools), std::end(kTools), [&](auto other) {
      return name.starts_with("STREAM_" + std::string(other) + "_");
    });
    if (others && !name.starts_with(own)) continue;
    if (std::find(known.begin(), known.end(), tail(name)) != known.end()) continue;
    const auto right = nearest(tail(name), known);
    // Others may use names that begin like ours: theirs are theirs.
    if (!right && !name.starts_with(own)) continue;
    log::warning("the environment variable " + name + " means nothing" +
                 (right ? "; did you mean STREAM_" + *right + "?" : ""));
  }
}

}  // namespace stream::cli

#include "streams/process.h"

#include <algorithm>

namespace stream::streams {
namespace {

void add_settings(std::vector<std::string>& argv, const Part& part, const File& file) {
  for (const Setting& setting : part.settings) {
    if (setting.key->option.empty()) continue;
    const std::string option(setting.key->option);
    // Only a pattern is made to measure; of other inputs it is what plan reckons with.
    const bool measure = setting.key->name == "size" || setting.key->name == "rate" ||
                         setting.key->name == "bit_rate";
    if (measure && part.section->tool == "ingest" && !part.find("test_pattern")) continue;
    if (setting.key->kind == Kind::kFlag) {
      argv.push_back(option);
    } else if (setting.key->kind == Kind::kStream) {
      argv.insert(argv.end(), {option, file.name});
    } else if (setting.key->kind == Kind::kStreamSource) {
      argv.insert(argv.end(), {option, file.name + "=" + setting.values[0]});
    } else {
      for (const std::string& value : setting.values) argv.insert(argv.end(), {option, value});
    }
  }
}

// Who may see what goes to the archive.
void add_rights(std::vector<std::string>& argv, const manifest::Rights& rights) {
  if (!rights.is_public) argv.push_back("--private");
  if (rights.hidden) argv.push_back("--hidden");
  if (!rights.owner.empty()) argv.insert(argv.end(), {"--owner", rights.owner});
  for (const std::string& user : rights.allow) argv.insert(argv.end(), {"--allow", user});
}

Process make_archive(const File& file, const Part& part) {
  Process process{"archive", {"stream-archive", std::string(part.section->verb), file.name}};
  process.stores = true;
  if (archives_recordings(file))
    process.argv.insert(process.argv.end(), {"--recordings", file.find("record")->value("output")});
  if (archives_live(file)) process.argv.insert(process.argv.end(), {"--live", hls_output(file)});
  add_settings(process.argv, part, file);
  if (file.visibility) add_rights(process.argv, *file.visibility);
  return process;
}

Process make(const File& file, const Part& part) {
  Process process{std::string(part.section->tool), {}};
  if (process.tool == "archive") return make_archive(file, part);
  process.reads_media = process.tool != "ingest" && process.tool != "serve";
  process.argv = {"stream-" + process.tool};
  if (process.reads_media) process.argv.insert(process.argv.end(), {"--input", "bus:" + file.name});
  process.argv.insert(process.argv.end(), {"--name", file.name});
  if (process.tool == "serve" && !part.find("hls") && !hls_output(file).empty())
    process.argv.insert(process.argv.end(), {"--hls", hls_output(file)});
  add_settings(process.argv, part, file);
  return process;
}

const Process* find(const std::vector<Process>& list, const std::string& tool) {
  for (const Process& process : list)
    if (process.tool == tool) return &process;
  return nullptr;
}

}  // namespace

std::vector<Process> processes(const File& file) {
  std::vector<Process> list;
  for (const Section& section : sections()) {
    const Part* part = file.find(section.name);
    const Part defaults{&section, {}};
    if (section.name == "simulcast" && !part && !file.destinations.empty()) part = &defaults;
    if (!part || part->find("external")) continue;
    list.push_back(make(file, *part));
  }
  // Viewers may come before the media does.
  std::stable_partition(list.begin(), list.end(), [](const Process& p) { return !p.reads_media; });
  return list;
}

std::optional<Process> archive_once(const File& file) {
  const Part* part = file.find("archive");
  if (!part) return std::nullopt;
  Process process = make_archive(file, *part);
  process.argv.push_back("--once");
  return process;
}

bool Difference::empty() const {
  return started.empty() && ended.empty() && restarted.empty() && destinations_set.empty() &&
         destinations_removed.empty() && !other;
}

Difference difference(const File& before, const File& after) {
  Difference d;
  const auto old_list = processes(before), new_list = processes(after);
  for (const Process& process : new_list) {
    const Process* old = find(old_list, process.tool);
    if (!old)
      d.started.push_back(process.tool);
    else if (!(*old == process))
      d.restarted.push_back(process.tool);
  }
  for (const Process& process : old_list)
    if (!find(new_list, process.tool)) d.ended.push_back(process.tool);
  for (const Destination& destination : after.destinations)
    if (std::find(before.destinations.begin(), before.destinations.end(), destination) ==
        before.destinations.end())
      d.destinations_set.push_back(destination.name);
  for (const Destination& destination : before.destinations)
    if (std::none_of(after.destinations.begin(), after.destinations.end(),
                     [&](const Destination& other) { return other.name == destination.name; }))
      d.destinations_removed.push_back(destination.name);
  d.other = d.empty() && !(before == after);
  return d;
}

}  // namespace stream::streams

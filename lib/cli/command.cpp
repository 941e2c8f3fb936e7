#include "cli/command.h"

#include <algorithm>
#include <cassert>

#include "base/error.h"

namespace stream::cli {
namespace {

// "--dvr-window" -> "DVR_WINDOW"
std::string upper(std::string text) {
  for (char& c : text) c = c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  return text;
}

Completion completion_for(const std::string& metavar) {
  if (metavar.find("NAME") == 0) return Completion::kNone;
  if (metavar.find("FILE") != std::string::npos || metavar.find("PATH") != std::string::npos)
    return Completion::kFile;
  if (metavar.find("DIR") != std::string::npos) return Completion::kDirectory;
  return Completion::kNone;
}

}  // namespace

std::string Option::flag() const {
  return is_operand ? name : "--" + name;
}

std::string Option::environment(const std::string& tool) const {
  return "STREAM_" + (is_shared ? std::string() : upper(tool) + "_") + upper(name);
}

Command::Command(std::string name, std::string summary)
    : name_(std::move(name)), summary_(std::move(summary)) {}

Command& Command::description(std::string text) {
  description_ = std::move(text);
  return *this;
}
Command& Command::example(std::string command_line, std::string what) {
  examples_.push_back({std::move(command_line), std::move(what)});
  return *this;
}
Command& Command::note(std::string heading, std::string text) {
  notes_.push_back({std::move(heading), std::move(text)});
  return *this;
}
Command& Command::file(std::string path, std::string what) {
  files_.push_back({std::move(path), std::move(what)});
  return *this;
}
Command& Command::library(std::string library_name, std::string version) {
  libraries_.push_back({std::move(library_name), std::move(version)});
  return *this;
}
Command& Command::section(std::string heading) {
  section_ = std::move(heading);
  return *this;
}
Command& Command::subcommand(Command verb) {
  verbs_.push_back(std::make_unique<Command>(std::move(verb)));
  return *this;
}
Command& Command::inherit() {
  inherits_ = true;
  return *this;
}
Command& Command::hidden() {
  hidden_ = true;
  return *this;
}
Command& Command::check(std::function<void()> test) {
  checks_.push_back(std::move(test));
  return *this;
}
Command& Command::run(Action action) {
  action_ = std::move(action);
  return *this;
}

Option& Command::add(const std::string& names, std::string metavar, std::string help) {
  auto o = std::make_unique<Option>();
  std::string_view rest = names;
  if (rest.size() > 3 && rest[0] == '-' && rest[1] != '-') {
    assert(rest[2] == ',');
    o->letter = rest[1];
    rest.remove_prefix(3);
  }
  assert(rest.size() > 2 && rest.substr(0, 2) == "--");
  o->name = rest.substr(2);
  o->completion = completion_for(metavar);
  o->metavar = std::move(metavar);
  o->help = std::move(help);
  o->section = section_;
  assert(std::none_of(options_.begin(), options_.end(), [&](const auto& other) {
    return other->name == o->name || (o->letter && other->letter == o->letter);
  }));
  return *options_.emplace_back(std::move(o));
}

Option& Command::add_operand(std::string metavar, std::string help) {
  auto o = std::make_unique<Option>();
  o->name = o->metavar = std::move(metavar);
  o->help = std::move(help);
  o->is_operand = true;
  o->in_environment = o->in_file = false;
  o->completion = completion_for(o->metavar);
  return *options_.emplace_back(std::move(o));
}

Option& Command::flag(const std::string& names, bool& target, std::string help) {
  Option& o = add(names, "", std::move(help));
  o.is_flag = true;
  o.apply = [&target](const std::vector<std::string>& values) { store(values, target); };
  return o;
}

Option& Command::flag(const std::string& names, std::optional<bool>& target, std::string help) {
  Option& o = add(names, "", std::move(help));
  o.is_flag = o.may_deny = true;
  o.apply = [&target](const std::vector<std::string>& values) { store(values, target); };
  return o;
}

Option& Command::flag(const std::string& names, int& target, std::string help) {
  Option& o = add(names, "", std::move(help));
  o.is_flag = o.repeats = true;
  // On the command line every occurrence is one "true"; elsewhere it is a number.
  o.apply = [&target](const std::vector<std::string>& values) {
    if (values.size() == 1 && values[0] != "true") return store(values, target);
    target = static_cast<int>(values.size());
  };
  return o;
}

}  // namespace stream::cli

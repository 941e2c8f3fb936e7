// A program or one verb of it: what it is called, what it takes, what it does. Declared once at
// start; parsing, help, man page and completion all read this declaration. The targets of options
// are borrowed and must outlive run_tool(); they hold their defaults when they are declared.
//
//   Command root("stream-record", "record a live stream");
//   root.option("-o,--output", options.output, "DIR", "directory for the recordings").required();
//   root.section("Limits");
//   root.option("--duration", options.duration, "TIME", "stop after this much media");
//   root.run([&](Context& context) { return record(options, context); });
//   return run_tool(argc, argv, std::move(root));
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/option.h"

namespace stream::cli {

class Context;
using Action = std::function<int(Context&)>;

struct Example {
  std::string command_line, what;
};

class Command {
 public:
  // `summary` is a verb phrase in lower case without a full stop.
  Command(std::string name, std::string summary);

  Command& description(std::string text);  // paragraphs, parted by an empty line
  Command& example(std::string command_line, std::string what);
  Command& note(std::string heading, std::string text);  // a further section of the man page
  Command& file(std::string path, std::string what);     // FILES
  // What it was built with, for --version --json.
  Command& library(std::string library_name, std::string version);
  // Options declared from here on stand under this heading; "" is the first, unnamed one.
  Command& section(std::string heading);

  // `names`: "-i,--input" or "--input". T: std::string, integers, double, Duration, BitRate,
  // ByteSize, FrameSize, Secret, std::optional and std::vector (repeatable) of these, or any type
  // with a parse_value().
  template <typename T>
  Option& option(const std::string& names, T& target, std::string metavar, std::string help) {
    Option& o = add(names, std::move(metavar), std::move(help));
    bind(o, target);
    return o;
  }
  // bool: set; int: counted; optional<bool>: set, or said to be true or false by --flag=false.
  Option& flag(const std::string& names, bool& target, std::string help);
  Option& flag(const std::string& names, int& target, std::string help);
  Option& flag(const std::string& names, std::optional<bool>& target, std::string help);
  // Required, unless T is optional or a vector (then all that remain) or .optional() follows.
  template <typename T>
  Option& positional(std::string metavar, T& target, std::string help) {
    Option& o = add_operand(std::move(metavar), std::move(help));
    bind(o, target);
    o.is_required = !IsVector<T>::value && !IsOptional<T>::value;
    return o;
  }

  // The verb also accepts its parent's options when it was marked inherit().
  Command& subcommand(Command verb);
  Command& inherit();
  Command& hidden();
  // After parsing, before the action: throws Error kUsage for what no single option can see.
  Command& check(std::function<void()> test);
  Command& run(Action action);

  const std::string& name() const { return name_; }
  const std::string& summary() const { return summary_; }
  const std::string& text() const { return description_; }
  const std::vector<Example>& examples() const { return examples_; }
  const std::vector<Example>& notes() const { return notes_; }  // heading, text
  const std::vector<Example>& files() const { return files_; }
  const std::vector<Example>& libraries() const { return libraries_; }  // name, version
  const std::vector<std::unique_ptr<Option>>& options() const { return options_; }
  const std::vector<std::unique_ptr<Command>>& verbs() const { return verbs_; }
  const std::vector<std::function<void()>>& checks() const { return checks_; }
  const Action& action() const { return action_; }
  bool inherits() const { return inherits_; }
  bool is_hidden() const { return hidden_; }

 private:
  Option& add(const std::string& names, std::string metavar, std::string help);
  Option& add_operand(std::string metavar, std::string help);

  template <typename T>
  void bind(Option& o, T& target) {
    o.repeats = IsVector<T>::value;
    o.is_secret = IsSecret<T>::value;
    if constexpr (Showable<T>) o.default_text = show_value(target);
    o.apply = [&target](const std::vector<std::string>& values) { store(values, target); };
  }

  std::string name_, summary_, description_, section_;
  std::vector<Example> examples_, notes_, files_, libraries_;
  std::vector<std::unique_ptr<Option>> options_;
  std::vector<std::unique_ptr<Command>> verbs_;
  std::vector<std::function<void()>> checks_;
  Action action_;
  bool inherits_ = false, hidden_ = false;
};

}  // namespace stream::cli

#include "cli/run.h"

#include <openssl/crypto.h>
#include <signal.h>

#include <iterator>
#include <new>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "base/url.h"
#include "cli/help.h"
#include "cli/last_words.h"
#include "cli/parse.h"
#include "cli/secret_source.h"
#include "cli/settings.h"
#include "cli/terminal.h"
#include "cli/version.h"

namespace stream::cli {
namespace {

using Json = nlohmann::ordered_json;

// What every program takes, and the targets of it.
struct General {
  Common common;
  bool help = false, version = false, insecure_argv = false, insecure_permissions = false;
  Command command{"general", "what every program takes"};

  General() {
    command.section("General options");
    command.flag("-h,--help", help, "show this help and exit").command_line_only();
    command.flag("-V,--version", version, "show the version (--json: build details) and exit")
        .command_line_only();
    command.flag("-q,--quiet", common.quiet, "show errors only").shared();
    command.flag("-v,--verbose", common.verbose, "show more; twice: everything").shared();
    command.flag("--json", common.json, "results and errors as JSON").shared();
    command.option("--color", common.color, "WHEN", "colour")
        .choices({"auto", "always", "never"})
        .shared();
    command.option("--log", common.log, "FORMAT", "diagnostics on stderr")
        .choices({"text", "json"})
        .shared();
    command
        .option("--progress", common.progress, "HOW",
                "what long work shows of itself: a line on a terminal, or one each minute")
        .choices({"auto", "plain", "none"})
        .shared();
    Option& config = command.option("-c,--config", common.config, "FILE",
                                    "read options from this YAML file, before the usual ones");
    config.in_file = false;
    command
        .flag("--insecure-argv", insecure_argv,
              "accept a URL with a key in it on the command line, where all users see it")
        .command_line_only();
    command
        .flag("--insecure-permissions", insecure_permissions,
              "accept secret files that other users can read")
        .command_line_only();
  }
};

void print_error(const std::string& words, const Error& error, const Common& common, bool json,
                 bool usage) {
  const std::string message = escaped(error.what(), 2000), hint = escaped(error.hint(), 2000);
  const bool color = use_color(2, common.color);
  const auto strong = [&](const std::string& text) {
    return color ? "\x1b[1;31m" + text + "\x1b[0m" : text;
  };
  std::string out = strong(words + ":") + " " + message + "\n";
  if (!hint.empty()) out += strong("hint:") + " " + hint + "\n";
  if (usage) out += "see: " + words + " --help\n";
  if (json) {
    const Json document{{"error",
                         {{"code", static_cast<int>(error.code())},
                          {"id", error.id()},
                          {"message", error.what()},
                          {"hint", hint.empty() ? Json(nullptr) : Json(error.hint())}}}};
    out += document.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  }
  write_stderr(out);
}

// The value as people may see it: secrets by their source, URLs without their keys.
std::string visible(const Option& option, const std::string& value) {
  if (option.is_secret && !is_secret_source(value)) return "(hidden)";
  const auto url = parse_url(value);
  return url && carries_secret(*url) ? url->redacted() : value;
}

int show_config(const Invocation& invocation, const std::vector<const Option*>& scope,
                bool with_origin, const Context& context) {
  Json settings = Json::array();
  std::string table;
  for (const Option* option : scope) {
    if (!option->in_file) continue;
    const Setting* setting = invocation.find(*option);
    Json values = Json::array();
    std::string text;
    if (setting)
      for (const std::string& value : setting->values) {
        values.push_back(visible(*option, value));
        text += (text.empty() ? "" : " ") + visible(*option, value);
      }
    else if (!option->default_text.empty())
      values.push_back(text = option->default_text);
    const std::string origin = setting ? setting->origin : "default";
    Json value = option->repeats && !option->is_flag ? values
                 : values.empty()                    ? Json(nullptr)
                                                     : values.back();
    settings.push_back({{"name", option->name}, {"value", value}, {"origin", origin}});
    table += option->name + "\t" + escaped(text) + (with_origin ? "\t" + origin : "") + "\n";
  }
  if (context.json())
    context.print(
        Json{{"schema", "stream.config/1"}, {"tool", context.tool()}, {"settings", settings}}
            .dump() +
        "\n");
  else
    context.print(table);
  return 0;
}

void set_log(const Common& common, const std::string& tool) {
  log::set_tool("stream-" + tool);
  log::set_json(common.log == "json");
  log::set_level(common.quiet         ? log::Level::kError
                 : common.verbose > 0 ? log::Level::kDebug
                                      : log::Level::kInfo);
}

class Tool {
 public:
  Tool(Command root, std::vector<std::string> args)
      : root_(std::move(root)), args_(std::move(args)) {
    Command show("show", "print every option with its value");
    show.inherit();
    show.flag("--origin", with_origin_, "and where each value came from").command_line_only();
    show.run([](Context&) { return 0; });  // see run()
    Command config("config", "look at the configuration");
    config.inherit();
    config.subcommand(std::move(show));
    Command help("help", "show help for a command");
    help.positional("COMMAND", help_words_, "the command");
    help.run([this](Context& context) {
      context.print(help_text(named_path(root_, help_words_), general_.command));
      return 0;
    });
    root_.subcommand(std::move(config)).subcommand(std::move(help));
    config_ = find_verb(root_, "config");
  }

  int run() {
    try {
      return dispatch();
    } catch (const Error& e) {
      print_error(words_, e, general_.common, wants_json(), e.code() == Exit::kUsage);
      return static_cast<int>(e.code());
    } catch (const std::bad_alloc&) {
      return out_of_memory();
    } catch (const std::exception& e) {
      print_error(words_, Error(Exit::kNo, "internal", e.what()), general_.common, wants_json(),
                  false);
      return static_cast<int>(Exit::kNo);
    }
  }

 private:
  bool typed(const std::string& flag, char letter) const {
    for (const std::string& arg : args_) {
      if (arg == "--") break;
      if (arg == flag || (letter && arg.size() == 2 && arg[0] == '-' && arg[1] == letter))
        return true;
    }
    return false;
  }
  bool wants_json() const { return general_.common.json || typed("--json", 0); }

  // Errors in the rest of the command line are shown as it wants them.
  void look_for_color() {
    for (size_t i = 0; i < args_.size() && args_[i] != "--"; ++i) {
      if (args_[i].starts_with("--color=")) general_.common.color = args_[i].substr(8);
      if (args_[i] == "--color" && i + 1 < args_.size()) general_.common.color = args_[i + 1];
    }
  }

  int dispatch() {
    look_for_color();
    set_last_words_json(wants_json());
    if (!args_.empty() && args_[0].starts_with("__")) return serve_generators();
    const auto path = named_path(root_, args_);
    for (size_t i = 1; i < path.size(); ++i) words_ += " " + path[i]->name();
    if (typed("--help", 'h')) return write_stdout(help_text(path, general_.command)), 0;
    if (typed("--version", 'V')) return write_stdout(version_text(root_, wants_json())), 0;
    if (args_.empty() && !root_.action())
      throw Error(Exit::kUsage, "usage.command", "a command is missing");

    Invocation invocation = parse(root_, general_.command, args_);
    words_ = invocation.words();
    const auto scope = options_in_scope(invocation.path, general_.command);
    add_layers(invocation, general_.command, scope);
    // -q, -v and the two --insecure flags change how the rest is treated.
    apply_settings(general_only(invocation), true);
    allow_open_secrets(general_.insecure_permissions);
    const std::string tool = tool_name(root_);
    set_log(general_.common, tool);
    warn_about_environment(root_, general_.command);
    Context context(tool, general_.common);

    if (invocation.path.size() == 3 && invocation.path[1] == config_) {
      with_origin_ = typed("--origin", 0);
      return show_config(invocation, options_in_scope({&root_}, general_.command), with_origin_,
                         context);
    }
    check_complete(invocation, scope);
    apply_settings(invocation, general_.insecure_argv);
    const Command& command = invocation.command();
    if (!command.action()) throw Error(Exit::kUsage, "usage.command", "a command is missing");
    for (const Command* c : invocation.path)
      if (c == &command || command.inherits())
        for (const auto& check : c->checks()) check();
    return command.action()(context);
  }

  Invocation general_only(const Invocation& all) const {
    Invocation some{all.path, {}};
    for (const Setting& setting : all.settings)
      for (const auto& option : general_.command.options())
        if (option.get() == setting.option) some.settings.push_back(setting);
    return some;
  }

  int serve_generators() {
    if (args_ == std::vector<std::string>{"__man", "stream-events"})
      return write_stdout(events_man_page()), 0;
    if (args_[0] == "__man") return write_stdout(man_page(root_, general_.command)), 0;
    if (args_[0] == "__completion" && args_.size() == 2)
      return write_stdout(completion_script(root_, args_[1])), 0;
    if (args_[0] == "__complete") {
      const size_t first = args_.size() > 1 && args_[1] == "--" ? 2 : 1;
      const auto begin = args_.begin() + static_cast<std::ptrdiff_t>(first);
      write_stdout(complete(root_, general_.command, std::vector<std::string>(begin, args_.end())));
      return 0;
    }
    throw Error(Exit::kUsage, "usage.command", "unknown command '" + escaped(args_[0], 60) + "'");
  }

  Command root_;
  const std::vector<std::string> args_;
  std::string words_ = root_.name();
  General general_;
  bool with_origin_ = false;
  std::vector<std::string> help_words_;
  const Command* config_ = nullptr;
};

}  // namespace

void Context::print(std::string_view text) const {
  write_stdout(text);
}

void Context::print_json(const nlohmann::json& document) const {
  write_stdout(document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

void Context::confirm(std::string_view line) const {
  if (!common_.quiet) write_stderr(std::string(line) + "\n", std::chrono::seconds(1));
}

Action predicate(Action action) {
  return [action = std::move(action)](Context& context) {
    try {
      return action(context);
    } catch (const Error& error) {
      if (error.code() != Exit::kNo) throw;
      throw Error(Exit::kConfig, error.id(), error.what(), error.hint());
    }
  };
}

int run_tool(int argc, char** argv, Command root) {
  ::signal(SIGPIPE, SIG_IGN);  // every write looks at its result
  // What OpenSSL 3 makes for itself once, at the first call of it; where memory lacks then it does
  // not look, and follows null pointers in every call from there on.
  if (OSSL_LIB_CTX_get0_global_default() == nullptr) return out_of_memory();
  std::vector<std::string> args(argv + (argc > 0 ? 1 : 0), argv + argc);
  const int code = Tool(std::move(root), std::move(args)).run();
  if (code == static_cast<int>(Exit::kInterrupted)) die_by_signal(SIGINT);
  return code;
}

}  // namespace stream::cli

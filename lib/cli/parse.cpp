#include "cli/parse.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"

namespace stream::cli {
namespace {

[[noreturn]] void refuse(const char* id, const std::string& message, const std::string& hint = {}) {
  throw Error(Exit::kUsage, id, message, hint);
}

// A word cut short counts as a typing error: it is named, never obeyed.
std::string did_you_mean(const std::string& word, const std::vector<std::string>& known) {
  auto right = nearest(word, known);
  const auto longer = std::find_if(known.begin(), known.end(), [&](const std::string& k) {
    return word.size() > 2 && k.starts_with(word);
  });
  if (!right && longer != known.end()) right = *longer;
  return right ? "did you mean " + *right + "?" : "";
}

class Parser {
 public:
  Parser(const Command& root, const Command& general) : general_(general) {
    result_.path.push_back(&root);
    scope_ = options_in_scope(result_.path, general_);
  }

  Invocation parse(const std::vector<std::string>& args) {
    for (size_t i = 0; i < args.size(); ++i) {
      const std::string& arg = args[i];
      if (operands_only_ || arg.size() < 2 || arg[0] != '-') {
        operand(arg);
      } else if (arg == "--") {
        operands_only_ = true;
      } else if (arg[1] == '-') {
        i += long_option(arg, i + 1 < args.size() ? &args[i + 1] : nullptr);
      } else {
        i += letters(arg, i + 1 < args.size() ? &args[i + 1] : nullptr);
      }
    }
    place_operands();
    for (const Setting& setting : result_.settings)
      if (std::find(scope_.begin(), scope_.end(), setting.option) == scope_.end())
        refuse("usage.flag",
               setting.option->flag() + " does not apply to '" + result_.words() + "'");
    return std::move(result_);
  }

 private:
  void add(const Option& option, std::string value) {
    for (Setting& setting : result_.settings) {
      if (setting.option != &option) continue;
      if (option.repeats)
        setting.values.push_back(std::move(value));
      else
        setting.values = {std::move(value)};
      return;
    }
    result_.settings.push_back({&option, {std::move(value)}, "command line"});
  }

  // Both return how many of the following words they took.
  size_t long_option(const std::string& arg, const std::string* next) {
    const size_t equals = arg.find('=');
    const std::string name = arg.substr(2, equals == arg.npos ? arg.npos : equals - 2);
    for (const Option* option : scope_) {
      if (option->is_operand || option->name != name) continue;
      if (option->is_flag) {
        if (equals != arg.npos && option->may_deny) return add(*option, arg.substr(equals + 1)), 0;
        if (equals != arg.npos) refuse("usage.value", "--" + name + " takes no value");
        return add(*option, "true"), 0;
      }
      if (equals != arg.npos) return add(*option, arg.substr(equals + 1)), 0;
      return value_from_next(*option, next);
    }
    unknown_flag("--" + name);
  }

  size_t letters(const std::string& arg, const std::string* next) {
    for (size_t i = 1; i < arg.size(); ++i) {
      const auto found = std::find_if(scope_.begin(), scope_.end(), [&](const Option* option) {
        return option->letter && option->letter == arg[i];
      });
      if (found == scope_.end()) unknown_flag("-" + arg.substr(i, 1));
      if (!(*found)->is_flag) {
        if (i + 1 < arg.size()) return add(**found, arg.substr(i + 1)), 0;
        return value_from_next(**found, next);
      }
      add(**found, "true");
    }
    return 0;
  }

  size_t value_from_next(const Option& option, const std::string* next) {
    if (!next)
      refuse("usage.value", option.flag() + " needs a value",
             "write " + option.flag() + " " + option.metavar);
    return add(option, *next), 1;
  }

  [[noreturn]] void unknown_flag(const std::string& flag) {
    std::vector<std::string> known;
    for (const Option* option : scope_)
      if (!option->is_operand && !option->is_hidden) known.push_back(option->flag());
    refuse("usage.flag", "unknown option '" + escaped(flag, 60) + "'", did_you_mean(flag, known));
  }

  void operand(const std::string& arg) {
    const Command& command = result_.command();
    if (operands_.empty() && !operands_only_ && !command.verbs().empty()) {
      if (const Command* verb = find_verb(command, arg)) {
        result_.path.push_back(verb);
        scope_ = options_in_scope(result_.path, general_);
        return;
      }
      if (!takes_operands()) {
        std::vector<std::string> known;
        for (const auto& verb : command.verbs())
          if (!verb->is_hidden()) known.push_back(verb->name());
        refuse("usage.command", "unknown command '" + escaped(arg, 60) + "'",
               did_you_mean(arg, known));
      }
    }
    operands_.push_back(arg);
  }

  bool takes_operands() const {
    return std::any_of(scope_.begin(), scope_.end(), [](const Option* o) { return o->is_operand; });
  }

  void place_operands() {
    size_t next = 0;
    for (const Option* option : scope_) {
      if (!option->is_operand) continue;
      while (next < operands_.size()) {
        add(*option, operands_[next++]);
        if (!option->repeats) break;
      }
    }
    if (next < operands_.size())
      refuse("usage.operand", "unexpected argument '" + escaped(operands_[next], 60) + "'");
  }

  const Command& general_;
  Invocation result_;
  std::vector<const Option*> scope_;
  std::vector<std::string> operands_;
  bool operands_only_ = false;
};

}  // namespace

std::string Invocation::words() const {
  std::string out;
  for (const Command* command : path) out += (out.empty() ? "" : " ") + command->name();
  return out;
}

const Setting* Invocation::find(const Option& option) const {
  for (const Setting& setting : settings)
    if (setting.option == &option) return &setting;
  return nullptr;
}

const Command* find_verb(const Command& command, const std::string& name) {
  for (const auto& verb : command.verbs())
    if (verb->name() == name) return verb.get();
  return nullptr;
}

std::vector<const Option*> options_in_scope(const std::vector<const Command*>& path,
                                            const Command& general) {
  std::vector<const Option*> scope;
  for (size_t i = path.size(); i-- > 0;) {
    for (const auto& option : path[i]->options())
      if (i + 1 == path.size() || !option->is_operand) scope.push_back(option.get());
    if (!path[i]->inherits()) break;
  }
  for (const auto& option : general.options()) scope.push_back(option.get());
  return scope;
}

std::vector<const Command*> named_path(const Command& root, const std::vector<std::string>& args) {
  std::vector<const Command*> path{&root};
  for (const std::string& arg : args)
    if (const Command* verb = find_verb(*path.back(), arg)) path.push_back(verb);
  return path;
}

Invocation parse(const Command& root, const Command& general,
                 const std::vector<std::string>& args) {
  return Parser(root, general).parse(args);
}

void check_complete(const Invocation& invocation, const std::vector<const Option*>& scope) {
  for (const Option* option : scope) {
    const bool given = invocation.find(*option) != nullptr;
    if (option->is_required && !given) {
      const std::string form =
          option->is_operand ? option->name : option->flag() + " " + option->metavar;
      refuse("usage.missing", form + " is missing");
    }
    for (const std::string& other : option->excluded)
      for (const Setting& setting : invocation.settings)
        if (given && setting.option->flag() == other)
          refuse("usage.conflict", option->flag() + " and " + other + " exclude each other");
  }
}

}  // namespace stream::cli

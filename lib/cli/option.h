// One option, flag or operand as it was declared: the single source of parsing, help, man page,
// completion, environment name and configuration key. Made by cli::Command only.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/value.h"

namespace stream::cli {

// What a shell offers for the value. kStream and kBus ask the program for the live names.
enum class Completion { kNone, kFile, kDirectory, kStream, kBus };

struct Option {
  // From the declaration.
  char letter = 0;      // 'i' of -i
  std::string name;     // "input" of --input; of an operand its metavar
  std::string metavar;  // "FILE|URL"; empty for a flag
  std::string help;     // one or more sentences, no final full stop in the first
  std::string section;  // heading in the help; empty: the first, unnamed one
  std::string default_text;
  bool may_deny = false;  // a flag that also takes =true and =false
  bool is_flag = false, is_operand = false, is_secret = false, is_hidden = false;
  bool repeats = false, is_required = false, is_shared = false, is_url = false;
  bool in_environment = true, in_file = true;
  Completion completion = Completion::kNone;
  std::vector<std::string> allowed, excluded;
  std::function<void(const std::vector<std::string>&)> apply;

  // Modifiers, chained after the declaration.
  Option& choices(std::vector<std::string> values) { return allowed = std::move(values), *this; }
  Option& required() { return is_required = true, *this; }
  Option& optional() { return is_required = false, *this; }  // of an operand
  Option& hidden() { return is_hidden = true, *this; }
  // Environment twin STREAM_<FLAG> instead of STREAM_<TOOL>_<FLAG>: means the same everywhere.
  Option& shared() { return is_shared = true, *this; }
  Option& command_line_only() { return in_environment = in_file = false, *this; }
  Option& completes(Completion kind) { return completion = kind, *this; }
  Option& excludes(std::string other) { return excluded.push_back(std::move(other)), *this; }
  Option& shows_default(std::string text) { return default_text = std::move(text), *this; }
  // The value is or may be a URL: one that carries a key is refused on the command line (unless
  // --insecure-argv), and @file:PATH, @fd:N, @cred:NAME and @- stand for a URL that is a secret.
  Option& url() { return is_url = true, *this; }

  std::string flag() const;                                // "--input", or "NAME" of an operand
  std::string environment(const std::string& tool) const;  // "STREAM_LADDER_INPUT"
};

// Shared by Command's templates: stores the values into the target.
template <typename T>
void store(const std::vector<std::string>& values, T& target) {
  parse_value(values.back(), target);
}
template <typename T>
void store(const std::vector<std::string>& values, std::vector<T>& target) {
  target.clear();
  for (const std::string& value : values) {
    target.emplace_back();
    parse_value(value, target.back());
  }
}

template <typename T>
struct IsVector : std::false_type {};
template <typename T>
struct IsVector<std::vector<T>> : std::true_type {};
template <typename T>
struct IsOptional : std::false_type {};
template <typename T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <typename T>
struct IsSecret : std::is_same<T, Secret> {};
template <typename T>
struct IsSecret<std::optional<T>> : std::is_same<T, Secret> {};

}  // namespace stream::cli

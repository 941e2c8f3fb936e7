#include "cli/help.h"

#include <algorithm>

namespace stream::cli {
namespace {

constexpr size_t kTextColumn = 26;

// One word per element; a newline is an element of its own.
std::vector<std::string> split_words(const std::string& text) {
  std::vector<std::string> words;
  std::string word;
  for (char c : text + " ") {
    if (c != ' ' && c != '\n') {
      word += c;
      continue;
    }
    if (!word.empty()) words.push_back(std::move(word));
    word.clear();
    if (c == '\n') words.push_back("\n");
  }
  return words;
}

std::string left_column(const Option& option) {
  if (option.is_operand) return option.name + (option.repeats ? "..." : "");
  const std::string letter = option.letter ? std::string{'-', option.letter, ','} : "   ";
  return letter + " --" + option.name +
         (option.may_deny  ? "[=false]"
          : option.is_flag ? ""
                           : " " + option.metavar);
}

std::string row(const std::string& left, const std::string& text) {
  std::string line = "  " + left;
  if (line.size() + 2 > kTextColumn)
    line += "\n" + std::string(kTextColumn, ' ');
  else
    line.resize(kTextColumn, ' ');
  return line + wrap(text, kTextColumn) + "\n";
}

std::string full_help(const Option& option) {
  std::string text = option.help;
  // A metavar such as "auto|never" has said it.
  if (!option.allowed.empty() && option.metavar.find('|') == std::string::npos) {
    std::string list;
    for (const std::string& value : option.allowed) list += (list.empty() ? "" : ", ") + value;
    text += ": " + list;
  }
  std::vector<std::string> remarks;
  if (option.is_required && !option.is_operand) remarks.push_back("required");
  if (option.repeats && !option.is_flag && !option.is_operand) remarks.push_back("repeatable");
  if (!option.default_text.empty() && !option.is_flag)
    remarks.push_back("default " + option.default_text);
  for (size_t i = 0; i < remarks.size(); ++i)
    text += (i == 0 ? " [" : ", ") + remarks[i] + (i + 1 == remarks.size() ? "]" : "");
  return text;
}

std::string usage(const std::vector<const Command*>& path,
                  const std::vector<const Option*>& scope) {
  std::string words, line;
  for (const Command* command : path) words += (words.empty() ? "" : " ") + command->name();
  for (const Option* option : scope) {
    if (option->is_operand) {
      const std::string name = option->name + (option->repeats ? "..." : "");
      line += option->is_required ? " " + name : " [" + name + "]";
    } else if (option->is_required) {
      line += " " + (option->letter ? std::string{'-', option->letter} : option->flag()) + " " +
              option->metavar;
    }
  }
  const Command& command = *path.back();
  std::string out;
  if (command.action()) out = "Usage: " + words + line + " [OPTION...]\n";
  if (!command.verbs().empty())
    out += (out.empty() ? "Usage: " : "       ") + words + " COMMAND [OPTION...]\n";
  return out;
}

std::string sections(const std::vector<const Option*>& scope) {
  std::vector<std::string> headings;
  for (const Option* option : scope)
    if (std::find(headings.begin(), headings.end(), option->section) == headings.end())
      headings.push_back(option->section);
  std::string out;
  for (const std::string& heading : headings) {
    std::string body;
    for (const Option* option : scope)
      if (option->section == heading && !option->is_hidden)
        body += row(left_column(*option), full_help(*option));
    if (!body.empty()) out += "\n" + (heading.empty() ? "Options" : heading) + ":\n" + body;
  }
  return out;
}

constexpr const char* kExitCodes =
    "0 done, 1 no or other failure, 2 usage, 3 not supported, 4 not allowed, 6 configuration, "
    "7 not running, 10 network, 11 refused, 12 input damaged, 13 partial, 15 locked, 124 timeout, "
    "130 interrupted, 143 terminated. See stream(7).";

}  // namespace

std::string wrap(const std::string& text, size_t indent, size_t width) {
  std::string out;
  size_t column = indent;
  bool line_start = true;
  const std::string margin(indent, ' ');
  for (const std::string& word : split_words(text)) {
    if (word == "\n") {
      out += '\n';
      column = 0;
      line_start = true;
      continue;
    }
    if (!line_start && column + 1 + word.size() > width) {
      out += '\n';
      column = 0;
      line_start = true;
    }
    if (line_start && column == 0) {
      out += margin;
      column = indent;
    } else if (!line_start) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    line_start = false;
  }
  return out;
}

std::string help_text(const std::vector<const Command*>& path, const Command& general) {
  const Command& command = *path.back();
  const auto scope = options_in_scope(path, general);
  std::string name;
  for (const Command* c : path) name += (name.empty() ? "" : " ") + c->name();
  std::string out = wrap(name + ": " + command.summary(), 2) + "\n\n" + usage(path, scope);
  if (!command.examples().empty()) {
    out += "\nExamples:\n";
    for (const Example& example : command.examples())
      out += "  " + example.command_line + "\n      " + wrap(example.what, 6) + "\n";
  }
  std::string verbs;
  for (const auto& verb : command.verbs())
    if (!verb->is_hidden()) verbs += row(verb->name(), verb->summary());
  if (!verbs.empty()) out += "\nCommands:\n" + verbs;
  out += sections(scope);
  std::string tool = path[0]->name();
  for (char& c : tool) c = c == '-' ? '_' : static_cast<char>(std::toupper(c));
  const std::string page = path[0]->name();
  out += "\nExit codes:\n  " + wrap(kExitCodes, 2) + "\n";
  out += "\nEnvironment:\n  " +
         wrap("Every option has a twin " + tool +
                  "_<OPTION>, which the option overrides. "
                  "STREAM_RUNTIME_DIR, STREAM_STATE_DIR, STREAM_CONFIG_DIR; NO_COLOR.",
              2) +
         "\n";
  out +=
      "\nFiles:\n  " +
      wrap("CONFIG/" + page.substr(std::min(page.size(), page.find('-') + 1)) +
               ".yaml holds options by their long names. Where CONFIG is, and the rest: " + page +
               "(1), stream(7).",
           2) +
      "\n";
  return out;
}

}  // namespace stream::cli

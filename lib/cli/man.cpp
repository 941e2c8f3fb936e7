#include <algorithm>
#include <cctype>

#include "cli/help.h"
#include "cli/settings.h"

namespace stream::cli {
namespace {

// Text for lines of mdoc: no line of ours starts a request, a backslash is one, and a sentence
// starts a line.
std::string plain(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool line_start = out.empty() || out.back() == '\n';
    if (line_start && c == ' ') continue;
    if (line_start && (c == '.' || c == '\'')) out += "\\&";
    const bool upper_next = i + 2 < text.size() && text[i + 2] >= 'A' && text[i + 2] <= 'Z';
    if (c == '\\')
      out += "\\e";
    else
      out += c;
    if (c == '.' && upper_next && text[i + 1] == ' ') out += '\n';
  }
  return out;
}

// One quoted argument of a macro, never itself taken for a macro; hyphens stay ASCII.
std::string arg(const std::string& text) {
  std::string out = " \"\\&";
  for (char c : text) {
    if (c == '"')
      out += "\\(dq";
    else if (c == '-')
      out += "\\-";
    else
      out += c == '\\' ? "\\e" : std::string(1, c);
  }
  return out + "\"";
}

// "show the state" -> "Show the state."; a flag or a URL at the start stays as it is.
std::string sentence(std::string text) {
  if (!text.ends_with('.')) text += ".";
  if (text.size() > 1 && (text[1] == ' ' || std::islower(static_cast<unsigned char>(text[1]))))
    text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}

std::string paragraphs(const std::string& text) {
  std::string out;
  for (size_t start = 0; start < text.size();) {
    const size_t end = std::min(text.find("\n\n", start), text.size());
    if (start) out += ".Pp\n";
    out += plain(text.substr(start, end - start)) + "\n";
    start = end + 2;
  }
  return out;
}

std::string option_item(const Option& option, const std::string& tool) {
  std::string item = ".It";
  if (option.is_operand) {
    item += " Ar" + arg(option.name);
  } else {
    if (option.letter)
      item += " Fl " + std::string(1, option.letter) + " , Fl" + arg("-" + option.name);
    else
      item += " Fl" + arg("-" + option.name);
    if (!option.is_flag) item += " Ar" + arg(option.metavar);
  }
  std::string text = option.help;
  if (!option.allowed.empty()) {
    text += ": one of ";
    for (size_t i = 0; i < option.allowed.size(); ++i) text += (i ? ", " : "") + option.allowed[i];
  }
  text = sentence(text);
  if (!option.default_text.empty() && !option.is_flag)
    text += " The default is " + option.default_text + ".";
  if (option.is_required && !option.is_operand) text += " Required.";
  if (option.repeats && !option.is_flag) text += " May be repeated.";
  item += "\n" + plain(text) + "\n";
  if (option.in_environment) item += ".Ev" + arg(option.environment(tool)) + "\n";
  return item;
}

// Everything that is shown of `options`, by section.
std::string option_lists(const std::vector<const Option*>& options, const std::string& tool) {
  std::vector<std::string> headings;
  for (const Option* option : options)
    if (!option->is_hidden &&
        std::find(headings.begin(), headings.end(), option->section) == headings.end())
      headings.push_back(option->section);
  std::string out;
  for (const std::string& heading : headings) {
    if (!heading.empty()) out += ".Ss " + plain(heading) + "\n";
    out += ".Bl -tag -width Ds\n";
    for (const Option* option : options)
      if (option->section == heading && !option->is_hidden) out += option_item(*option, tool);
    out += ".El\n";
  }
  return out;
}

std::vector<const Option*> own(const Command& command) {
  std::vector<const Option*> out;
  for (const auto& option : command.options()) out.push_back(option.get());
  return out;
}

std::string synopsis(const Command& command, const std::string& words) {
  std::string out;
  if (command.action()) {
    out += ".Nm\n";
    if (!words.empty()) out += ".Cm" + arg(words) + "\n";
    for (const Option* option : own(command)) {
      if (option->is_hidden) continue;
      const std::string name = option->name + (option->is_operand && option->repeats ? " ..." : "");
      if (option->is_operand)
        out += (option->is_required ? ".Ar" : ".Op Ar") + arg(name) + "\n";
      else if (option->is_required)
        out += ".Fl" + arg("-" + name) + " Ar" + arg(option->metavar) + "\n";
    }
    out += ".Op Ar" + arg("OPTION ...") + "\n";
  }
  for (const auto& verb : command.verbs())
    if (!verb->is_hidden())
      out += synopsis(*verb, (words.empty() ? "" : words + " ") + verb->name());
  return out;
}

std::string verbs(const Command& command, const std::string& words, const std::string& tool) {
  std::string out;
  for (const auto& verb : command.verbs()) {
    if (verb->is_hidden()) continue;
    const std::string name = (words.empty() ? "" : words + " ") + verb->name();
    out += ".Ss " + plain(name) + "\n" + sentence(verb->summary()) + "\n";
    if (!verb->text().empty()) out += ".Pp\n" + paragraphs(verb->text());
    if (verb->inherits()) out += "The options of the program apply as well.\n";
    out += option_lists(own(*verb), tool);
    out += verbs(*verb, name, tool);
  }
  return out;
}

std::string examples(const Command& command) {
  std::string out;
  for (const Example& example : command.examples())
    out += ".Pp\n" + plain(example.what) + ":\n.Dl" + arg(example.command_line) + "\n";
  for (const auto& verb : command.verbs())
    if (!verb->is_hidden()) out += examples(*verb);
  return out;
}

}  // namespace

std::string man_page(const Command& root, const Command& general) {
  const std::string tool = tool_name(root);
  std::string title = root.name();
  for (char& c : title) c = static_cast<char>(std::toupper(c));
  std::string out = ".\\\" Generated by " + root.name() + " __man; do not edit.\n";
  out += ".Dd November 20, 2026\n.Dt " + title + " 1\n.Os\n";
  out += ".Sh NAME\n.Nm" + arg(root.name()) + "\n.Nd " + plain(root.summary()) + "\n";
  out += ".Sh SYNOPSIS\n" + synopsis(root, "");
  out += ".Sh DESCRIPTION\n" +
         (root.text().empty() ? plain(sentence(root.summary())) + "\n" : paragraphs(root.text()));
  out += ".Sh OPTIONS\n" + option_lists(own(root), tool) + option_lists(own(general), tool);
  out += ".Sh COMMANDS\n" + verbs(root, "", tool);
  for (const Example& note : root.notes()) {
    out += ".Sh " + plain(note.command_line) + "\n" + paragraphs(note.what);
  }
  out +=
      ".Sh ENVIRONMENT\n.Bl -tag -width Ds\n.It Ev STREAM_RUNTIME_DIR , STREAM_STATE_DIR , "
      "STREAM_CONFIG_DIR\nReplace the directories of\n.Xr stream 7 .\n.It Ev NO_COLOR\n"
      "When not empty, no colour unless asked for.\n.El\n.Pp\n"
      "The variable under each option sets it when the command line does not; one value per\n"
      "line where an option may be repeated.\n";
  out += ".Sh FILES\n.Bl -tag -width Ds\n.It Pa" + arg("CONFIG/" + tool + ".yaml") +
         "\nOptions by their long names; lists where an option may be repeated.\n"
         "Unknown and duplicate keys are errors.\nThe user's file is asked before\n.Pa" +
         arg("/etc/stream/" + tool + ".yaml") + " .\n";
  for (const Example& file : root.files())
    out += ".It Pa" + arg(file.command_line) + "\n" + plain(file.what) + "\n";
  out +=
      ".El\n.Sh EXIT STATUS\n0 on success; the other codes, the same for all programs, are in\n"
      ".Xr stream 7 .\n";
  const std::string shown = examples(root);
  if (!shown.empty()) out += ".Sh EXAMPLES\n" + shown.substr(4);
  out += ".Sh SEE ALSO\n.Xr stream 7 ,\n.Xr stream-events 7\n";
  return out;
}

}  // namespace stream::cli

// Help, manual page and completion from the declaration. Text is at most 80 columns wide.
#pragma once
#include <string>
#include <vector>

#include "cli/parse.h"

namespace stream::cli {

std::string help_text(const std::vector<const Command*>& path, const Command& general);
// The page for the whole program, verbs included, in mdoc.
std::string man_page(const Command& root, const Command& general);
std::string events_man_page();  // stream-events(7), from control/event_list
// "bash", "zsh" or "fish": a script that asks the program.
std::string completion_script(const Command& root, const std::string& shell);
// What the script prints for the words typed so far (the last one is being typed): the first line
// is "none", "file" or "directory" (what the shell may offer besides), then
// "value<TAB>description".
std::string complete(const Command& root, const Command& general,
                     const std::vector<std::string>& words);

// Wraps at spaces; every line but the first starts with `indent` spaces. Keeps paragraphs.
std::string wrap(const std::string& text, size_t indent, size_t width = 80);

}  // namespace stream::cli

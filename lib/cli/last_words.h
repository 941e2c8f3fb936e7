// What a program says when memory has run out. Where that can be thrown it travels like every other
// error; where it can't (the start of a thread, a destructor) the program ends at once instead of
// aborting: its files are good at any instant, as they are for a kill.
#pragma once

namespace stream::cli {

// Whether the JSON form of the error follows, as run_tool() knows it.
void set_last_words_json(bool json);
// Says it without needing memory, and gives the exit code.
int out_of_memory() noexcept;

}  // namespace stream::cli

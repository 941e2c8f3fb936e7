// --listen and --input: RTMP publishers on one port, each to a stream of its own or to an input of
// the one stream, and the sources that are pulled for it.
#pragma once
#include "cli/run.h"
#include "options.h"

namespace stream::ingest {

int listen(const Options& options, cli::Context& context);

// Makes the outcome of a program with one output: a reader that went away ends it quietly.
int outcome(int code, int output_error);

}  // namespace stream::ingest

// stream-ladder: an adaptive HLS ladder from any media.
#include "cli/run.h"
#include "ladder/commands.h"

int main(int argc, char** argv) {
  stream::ladder::Options options;
  return stream::cli::run_tool(argc, argv, stream::ladder::command(options));
}

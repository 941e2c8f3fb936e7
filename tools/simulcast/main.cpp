// stream-simulcast: one stream to many destinations.
#include "cli/run.h"
#include "options.h"

int main(int argc, char** argv) {
  stream::simulcast::Options options;
  return stream::cli::run_tool(argc, argv, stream::simulcast::command(options));
}

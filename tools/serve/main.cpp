#include "cli/run.h"
#include "serve.h"

int main(int argc, char** argv) {
  stream::serve::Options options;
  return stream::cli::run_tool(argc, argv, stream::serve::command(options));
}

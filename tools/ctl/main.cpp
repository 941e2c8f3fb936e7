#include "cli/run.h"
#include "ctl.h"

int main(int argc, char** argv) {
  stream::ctl::Options options;
  return stream::cli::run_tool(argc, argv, stream::ctl::command(options));
}

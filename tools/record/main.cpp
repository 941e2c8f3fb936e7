// stream-record: a live stream into MP4 files that survive a crash.
#include "cli/run.h"
#include "record.h"

int main(int argc, char** argv) {
  stream::record::Options options;
  return stream::cli::run_tool(argc, argv, stream::record::command(options));
}

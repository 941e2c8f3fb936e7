// stream-ingest: live media in, clean media out, on the bus or a pipe.
#include "check.h"
#include "cli/run.h"
#include "endpoints.h"
#include "listen.h"
#include "options.h"
#include "run_source.h"

using namespace stream;

int main(int argc, char** argv) {
  ingest::Options options;
  cli::Command root("stream-ingest", "take live media in and serve it to other programs");
  ingest::describe(root);
  ingest::declare(root, options);
  ingest::CheckOptions check;
  ingest::declare_check(root, check);
  ingest::EndpointsOptions endpoints;
  ingest::declare_endpoints(root, endpoints);
  root.run([&](cli::Context& context) {
    return options.listens() ? ingest::listen(options, context)
                             : ingest::run_source(options, context);
  });
  return cli::run_tool(argc, argv, std::move(root));
}

// stream-ingest endpoints: what to type into encoders to publish a stream.
#pragma once
#include <string>
#include <vector>

#include "cli/run.h"
#include "control/events.h"
#include "options.h"

namespace stream::ingest {

struct EndpointsOptions {
  std::string stream, host, key, passphrase;  // sources of secrets, the last two
  std::vector<std::string> listen;
  bool reveal = false;
};
void declare_endpoints(cli::Command& root, EndpointsOptions& options);

// What the status of an instance says of its own: [{"url", "open", "passphrase",
// "latency_seconds"}], for the stream. `urls`: where it really listens, in the order of --listen.
control::Json endpoints_json(const Options& options, const std::vector<std::string>& urls,
                             const std::string& stream);

}  // namespace stream::ingest

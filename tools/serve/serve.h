// stream-serve: HLS output over HTTP, with a page that plays each stream.
#pragma once
#include <string>
#include <vector>

#include "base/units.h"
#include "cli/bundles.h"
#include "cli/command.h"
#include "cli/ice_bundle.h"
#include "cli/tls_bundle.h"

namespace stream::serve {

struct Options {
  std::string listen = "http://127.0.0.1:8080", hls, player, whip, group, token_key;
  cli::TlsBundle tls;
  unsigned max_connections = 2048, max_per_address = 128;
  bool whep = false;
  unsigned rtc_port = 8190;                // of UDP; 8189 is stream-ingest's
  std::vector<std::string> rtc_addresses;  // that players are told
  cli::IceBundle ice;
  unsigned max_viewers = 2000;
  Duration idle{std::chrono::seconds(60)};
  cli::ServiceBundle service;
};

cli::Command command(Options& options);

}  // namespace stream::serve

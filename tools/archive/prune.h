// What the two kinds of pruning share: in a store, and in a local directory of recordings.
#pragma once
#include "archive/retention.h"
#include "verbs.h"

namespace stream::archive {

struct PruneOptions : StoreOptions, IndexOptions, EventOptions {
  std::string policy, local;
  bool dry_run = false, trust_clock = false;
};

// `section`: "recordings" or "local", where no age is given none counts. Throws Error kConfig.
Policy read_policy(const std::string& path, const std::string& section);
// Throws Error kNotAllowed "archive.clock" unless the clock is proven; notes it for the next run.
void check_clock(const PruneOptions& o, OpenStore& store, const std::vector<CatalogRow>& rows);

// A line for each: name, reason, bytes.
void print_gone(const cli::Context& context, const Json& gone);

Exit prune_local(const PruneOptions& o, const cli::Context& context, control::Service& service);

}  // namespace stream::archive

// --pull and --test-pattern: one stream from a file, a URL or the pattern, which a thread of its
// own reads.
#pragma once
#include "cli/run.h"
#include "ingest/source.h"
#include "options.h"

namespace stream::ingest {

int run_source(const Options& options, cli::Context& context);
// What --pull and --input read.
media::OpenSource open_url(const std::string& url, const Options& options);
// A camera: it sends in real time over datagrams, and what waits meanwhile is lost.
bool keeps_its_own_pace(const std::string& url);

}  // namespace stream::ingest

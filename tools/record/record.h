// The command line of stream-record and its verbs.
#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "cli/bundles.h"
#include "cli/command.h"
#include "cli/run.h"
#include "copy.h"
#include "record/writer.h"
#include "split.h"

namespace stream::record {

// --split: by time or by size.
struct SplitAt {
  std::optional<Nanoseconds> time;
  std::optional<uint64_t> bytes;
};
void parse_value(std::string_view text, SplitAt& out);

// --until: 2026-11-20T18:00:00Z, or 18:00 of today or tomorrow, local time.
struct PointInTime {
  std::chrono::system_clock::time_point value;
};
void parse_value(std::string_view text, PointInTime& out);

struct Options {
  cli::InputBundle input;
  cli::ServiceBundle service;
  std::string output, format = "auto", tracks = "all";
  std::optional<Duration> duration, thumbnail;
  std::optional<PointInTime> until;
  std::optional<SplitAt> split;
  Duration gap{std::chrono::seconds(60)}, pre_roll;
  ByteSize min_free;
  bool follow = false, standby = false, dry_run = false;
  CopyArguments copy;
  SplitArguments parts;
};

cli::Command command(Options& options);
int run(const Options& options, cli::Context& context);
// Prints the manifest that a recording would begin with, and makes nothing.
int dry_run(const Options& options, cli::Context& context);

std::string without_secrets(const std::string& input);

}  // namespace stream::record

// The command line of stream-ladder and its verbs.
#pragma once
#include <string>
#include <vector>

#include "cli/bundles.h"
#include "cli/command.h"
#include "cli/run.h"
#include "ladder/ladder.h"

namespace stream::ladder {

struct Options {
  cli::InputBundle input, plan_input;
  cli::ServiceBundle service;
  std::string output, ladder_file, encoder, preset, date;
  std::vector<std::string> rungs;
  Duration segment{std::chrono::seconds(2)};
  std::string dvr, format, on_slow = "auto";
  BitRate audio_rate{128'000};
  bool copy_top = false, dry_run = false, low_delay = false, bus = false;
};

cli::Command command(Options& options);

// What all that asks for. Throws Error kUsage or kConfig.
media::LadderSpec make_spec(const Options& options);
media::SlowPolicy slow_policy(const Options& options);
// That the rungs go somewhere, and nothing is said of what is not made. Throws Error kUsage.
void check_outputs(const Options& options);
// The stream whose rungs are on the bus; empty: they are not.
std::string bus_of(const Options& options);
std::optional<hls::WallTime> date_of(const Options& options);

// FILE.yaml of --ladder laid over `spec`. Throws Error kConfig with file, line and column.
void read_ladder_file(const std::string& path, media::LadderSpec& spec);

int run(const Options& options, cli::Context& context);
// Prints what would be made of `input`.
int plan(const Options& options, const std::string& input, cli::Context& context);

control::Json plan_json(const media::Plan& plan);
// `output` is the directory; empty: there is none.
control::Json status_json(const media::LadderStatus& status, const std::string& output);
// "0:42  speed 1.00x  1080p 4.9 Mbit/s  360p paused": what a person at the terminal follows.
std::string status_line(const media::LadderStatus& status);

}  // namespace stream::ladder

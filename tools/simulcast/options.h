// The command line of stream-simulcast and its verbs.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "cli/bundles.h"
#include "cli/run.h"
#include "spec.h"

namespace stream::simulcast {

struct Options {
  cli::InputBundle input;
  cli::ServiceBundle service;
  std::vector<Spec> to;
  std::string ca_file;
  Duration hold{std::chrono::seconds(0)};
  bool slate = false;
  BitRate uplink;
  Duration retry_for{std::chrono::seconds(0)};
  int retry_max = 0;
  int sittings = 30;
  std::optional<Duration> duration;

  // Of the verbs.
  std::string stream;
  std::vector<std::string> names;
  Spec spec;
  bool test_slate = false;
};

cli::Command command(Options& options);

int run(const Options& options, cli::Context& context);
// The verbs: requests to the program that serves `stream`.
int change(const Options& options, cli::Context& context, const std::string& verb);
int list(const Options& options, cli::Context& context);
int test(const Options& options, cli::Context& context);

}  // namespace stream::simulcast

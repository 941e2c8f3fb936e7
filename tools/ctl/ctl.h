// stream-ctl: looks at and ends running streams by their control sockets.
#pragma once
#include <string>
#include <vector>

#include "base/units.h"
#include "cli/command.h"
#include "cli/run.h"
#include "cli/table.h"

namespace stream::ctl {

struct Options {
  std::string name, tool, method, params = "{}";
  std::string file;
  std::vector<std::string> files;
  bool figures = false, live = false;
  std::string events, group, wait_for = "live";
  Duration restart_delay{std::chrono::milliseconds(500)}, wait_timeout{std::chrono::seconds(30)},
      start_timeout{std::chrono::seconds(30)};
  int restart_max = 10;
  cli::TableBundle table, plan_table, schedule_table, tick_table;
  int next = 10;
  std::string from;
  Duration timeout{std::chrono::seconds(10)}, wait{std::chrono::seconds(2)};
  bool follow = false, dry_run = false, now = false, once = false;
  std::string hook;  // of the verbs "hooks ..."
  bool all = false;
  Secret hook_secret;
  Duration tolerance{std::chrono::minutes(5)};
  cli::TableBundle hooks_table;
};

cli::Command command(Options& options);

// The verbs, one file each.
int list(const Options& options, const cli::Context& context);
int status(const Options& options, const cli::Context& context);
int stop(const Options& options, const cli::Context& context);
int events(const Options& options, const cli::Context& context);
int call(const Options& options, const cli::Context& context);
int start(const Options& options, const cli::Context& context);
int edit(const Options& options, const cli::Context& context);
int archive(const Options& options, const cli::Context& context);
int up(const Options& options, const cli::Context& context);
int apply(const Options& options, const cli::Context& context);
int create(const Options& options, const cli::Context& context);
int diff(const Options& options, const cli::Context& context);
int remove(const Options& options, const cli::Context& context);
int is_live(const Options& options, const cli::Context& context);
int wait(const Options& options, const cli::Context& context);
int restart(const Options& options, const cli::Context& context);
int check(const Options& options, const cli::Context& context);
int plan(const Options& options, const cli::Context& context);
int show(const Options& options, const cli::Context& context);
int tick(const Options& options, const cli::Context& context);
int schedule(const Options& options, const cli::Context& context);
int hooks_list(const Options& options, const cli::Context& context);
int hooks_retry(const Options& options, const cli::Context& context);
int hooks_retry_all(const Options& options, const cli::Context& context);
int hooks_test(const Options& options, const cli::Context& context);
int hooks_verify(const Options& options, const cli::Context& context);
int hooks_secret(const Options& options, const cli::Context& context);

// Their declarations, by what they are about.
void declare_name(cli::Command& verb, Options& options);
// One stream or --all of them. Throws Error kUsage.
void check_name_or_all(const Options& options, const std::string& verb);
void declare_file_verbs(cli::Command& root, Options& options);
void declare_stream_verbs(cli::Command& root, Options& options);
void declare_hooks_verbs(cli::Command& root, Options& options);

// The live tools of the stream, or the one that was asked for ("ladder" or "stream-ladder"); `wait`
// is for one that is only just starting. Throws Error kNotRunning "stream.absent" that lists what
// is live.
std::vector<std::string> tools_of(const std::string& name, const std::string& tool,
                                  Duration wait = {});

constexpr std::chrono::milliseconds kPoll{20};  // of sockets and locks

std::string joined(const std::vector<std::string>& words);  // "ingest, ladder"

}  // namespace stream::ctl

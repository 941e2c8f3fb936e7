// The verbs about stream files.
#include "base/error.h"
#include "ctl.h"

namespace stream::ctl {

using cli::Command;
using cli::Completion;
using cli::Context;

void declare_file_verbs(Command& root, Options& options) {
  Command check_verb("check", "say whether stream files are right");
  check_verb.description(
      "Reads the files and says of each wrong one where and why; stream.yaml(5) describes them. "
      "Nothing is changed and nothing is connected to.");
  check_verb.positional("FILE", options.files, "stream files").completes(Completion::kFile);
  check_verb.run(cli::predicate([&](Context& context) { return check(options, context); }));

  Command plan_verb("plan", "say what a stream will run and need");
  plan_verb.description(
      "Prints the programs with their arguments, and what they need: CPU cores, megabits a second "
      "to destinations, gigabytes on disk per hour. It is reckoned from figures that were "
      "measured; --figures prints them and where they come from.");
  plan_verb.positional("FILE", options.file, "the stream file").completes(Completion::kFile);
  plan_verb.flag("--figures", options.figures, "print the figures instead");
  options.plan_table.declare(plan_verb, {"program", "cores", "up", "disk", "command"});
  plan_verb.run([&](Context& context) { return plan(options, context); });

  Command show_verb("show", "print a stream file in its normal form");
  show_verb.description("Prints it as it is understood: paths absolute, nothing left to guess.");
  show_verb.positional("FILE|NAME", options.file, "a stream file, or a stream that was applied")
      .completes(Completion::kFile);
  show_verb.run([&](Context& context) { return show(options, context); });

  Command schedule_verb("schedule", "list the coming sessions of a stream");
  schedule_verb.description(
      "Prints when the sessions of its schedule start and end, by the clocks of its time zone and, "
      "with --json, in UTC as well: each once, also on the days on which the clocks change. "
      "stream.yaml(5) says how a schedule is written.");
  schedule_verb.positional("FILE|NAME", options.file, "a stream file, or a stream that was applied")
      .completes(Completion::kFile);
  schedule_verb.option("--next", options.next, "N", "how many");
  schedule_verb.option("--from", options.from, "TIME",
                       "those that end after then, as 2027-03-27T00:00:00Z; else after now");
  options.schedule_table.declare(schedule_verb, {"start", "end", "ready", "title"});
  schedule_verb.check([&] {
    if (options.next < 1 || options.next > 100'000)
      throw Error(Exit::kUsage, "usage.value", "--next must be from 1 to 100000",
                  "for example --next 10");
  });
  schedule_verb.run([&](Context& context) { return schedule(options, context); });

  root.subcommand(std::move(schedule_verb))
      .subcommand(std::move(check_verb))
      .subcommand(std::move(plan_verb))
      .subcommand(std::move(show_verb));
}

}  // namespace stream::ctl

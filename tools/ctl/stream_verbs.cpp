// The verbs about whole streams: running them, and knowing about them.
#include "base/error.h"
#include "ctl.h"

namespace stream::ctl {

using cli::Command;
using cli::Completion;
using cli::Context;

namespace {

Command up_command(Options& options) {
  Command verb("up", "run a stream as its file says");
  verb.description(
      "Stays in the foreground like a small init: starts what takes the publisher and the viewers, "
      "and once media flows what reads it; starts again what fails, with growing pauses, and gives "
      "it up after --restart-max failures in a row. SIGTERM, SIGINT and stream-ctl stop end all of "
      "it within five seconds, readers first. SIGHUP reads the file anew and changes what differs; "
      "a wrong file changes nothing.\n\n"
      "When stream-ctl itself is killed the programs go on; the next one takes them over, and "
      "there is never a second of any.\n\n"
      "A stream with a schedule is opened for each session, and ended when that ends; in between "
      "stream-ctl sleeps, and it ends after the last. stream-ctl stop ends the session for good; "
      "one that was interrupted by a signal, a crash or a power cut goes on when stream-ctl up "
      "runs again in its time. A session that nothing ran for may begin late, as the schedule "
      "says, and is told as missed after that.");
  verb.positional("FILE|NAME", options.file, "a stream file, or a stream that was applied")
      .completes(Completion::kFile);
  verb.option("--events", options.events, "TARGET",
              "write events as JSON lines to -, an open descriptor, a file or unix:PATH");
  verb.option("--restart-delay", options.restart_delay, "TIME",
              "bound of the first pause; it doubles up to 1m");
  verb.option("--restart-max", options.restart_max, "N",
              "failures in a row until a program is given up");
  verb.flag("--now", options.now, "run it now and until it is stopped, whatever its schedule says")
      .excludes("--once");
  verb.flag("--once", options.once, "run only the session that is due, and end when there is none");
  verb.check([&] {
    if (options.restart_max < 1 || options.restart_delay.value.count() <= 0)
      throw Error(Exit::kUsage, "usage.value",
                  "--restart-max and --restart-delay must be more than nothing",
                  "for example --restart-max 10 --restart-delay 500ms");
  });
  verb.run([&](Context& context) { return up(options, context); });
  return verb;
}

Command start_command(Options& options) {
  Command verb("start", "run a stream in the background and print its addresses");
  verb.description(
      "Starts stream-ctl up where no terminal ends it, with its messages in STATE/NAME/ctl.log, "
      "waits until publishers may come, or until it waits for the next session of its schedule, "
      "and "
      "prints where they go, with the key when that is no secret, and where viewers go. When the "
      "stream runs already it only prints.");
  verb.positional("FILE|NAME", options.file, "a stream file, or a stream that was applied")
      .completes(Completion::kFile);
  verb.option("--timeout", options.start_timeout, "TIME", "how long to wait until it is ready");
  verb.flag("--now", options.now, "run it now and until it is stopped, whatever its schedule says");
  verb.run([&](Context& context) { return start(options, context); });
  return verb;
}

Command archive_command(Options& options) {
  Command verb("archive", "take what a stream has left to its archive");
  verb.description(
      "While a stream with the section archive runs, stream-ctl up does that; what is left at its "
      "end is taken there afterwards by this verb, which stream-ctl up starts in the background, "
      "with its messages in STATE/NAME/ctl.log. By hand it returns when all is there. What fails "
      "is left for the next time; --all is for a line in a crontab(5) and for "
      "stream-archive.timer, so that a machine that was switched off, or a store that was away for "
      "long, costs no recording. Streams that run are left to stream-ctl up.");
  verb.example("stream-ctl up wedding.yaml && stream-ctl archive wedding",
               "Run a stream and wait until its recording is in the archive");
  verb.positional("NAME", options.name, "the stream").optional().completes(Completion::kStream);
  verb.flag("--all", options.all, "of all streams that do not run");
  verb.check([&] { check_name_or_all(options, "archive"); });
  verb.run([&](Context& context) { return archive(options, context); });
  return verb;
}

Command edit_command(Options& options) {
  Command verb("edit", "change a stream's file in an editor and apply it");
  verb.description(
      "Opens a copy of the file beside it (PATH.edit.yaml) in VISUAL, EDITOR or vi. When the copy "
      "is right it takes the file's place and is applied; when it is wrong nothing changes, and "
      "the copy is there for the next try.");
  verb.positional("FILE|NAME", options.file, "a stream file, or a stream that was applied")
      .completes(Completion::kFile);
  verb.run([&](Context& context) { return edit(options, context); });
  return verb;
}

Command about_file(Options& options, const char* name, const char* summary, const char* text,
                   int (*action)(const Options&, const cli::Context&)) {
  Command verb(name, summary);
  verb.description(text);
  verb.positional("FILE", options.file, "the stream file").completes(Completion::kFile);
  verb.run([&options, action](Context& context) { return action(options, context); });
  return verb;
}

}  // namespace

void declare_stream_verbs(Command& root, Options& options) {
  Command apply_verb =
      about_file(options, "apply", "make a stream what a file says",
                 "Makes the stream when there is none, changes it otherwise; the same again does "
                 "nothing. Of a stream that runs only what differs is touched.",
                 apply);
  apply_verb.flag("-n,--dry-run", options.dry_run, "say whether something would change");
  Command create_verb = about_file(options, "create", "make a stream from a file",
                                   "As apply, but fails when there is one of its name.", create);
  create_verb.flag("-n,--dry-run", options.dry_run, "say whether it could be made");
  Command diff_verb = about_file(
      options, "diff", "say what applying a file would change",
      "Compares with the stream as it was applied. Exits with 0 when nothing differs, 1 when "
      "something does; else it could not be told.",
      diff);
  diff_verb.run(cli::predicate([&](Context& context) { return diff(options, context); }));

  Command delete_verb("delete", "forget a stream");
  delete_verb.description("Removes its manifest; recordings and playlists stay.");
  declare_name(delete_verb, options);
  delete_verb.flag("-n,--dry-run", options.dry_run, "say what would be deleted");
  delete_verb.run([&](Context& context) { return remove(options, context); });

  Command live_verb("is-live", "say by the exit code whether media flows");
  live_verb.description("0: yes; 1: no, or there is no such stream; else it could not be told.");
  declare_name(live_verb, options);
  live_verb.run(cli::predicate([&](Context& context) { return is_live(options, context); }));

  Command wait_verb("wait", "wait until a stream has come so far");
  wait_verb.description("The stream need not exist yet. Exits with 124 when the time is over.");
  declare_name(wait_verb, options);
  wait_verb.option("--for", options.wait_for, "STATE", "what to wait for")
      .choices({"live", "ready", "recording-ready", "completed", "error"});
  wait_verb.option("--timeout", options.wait_timeout, "TIME", "how long");
  wait_verb.run(cli::predicate([&](Context& context) { return wait(options, context); }));

  Command restart_verb("restart", "restart one program of a stream");
  restart_verb.description("Also one that was given up. The others are not touched.");
  declare_name(restart_verb, options);
  restart_verb.positional("TOOL", options.tool, "ingest, ladder, record, ...");
  restart_verb.run([&](Context& context) { return restart(options, context); });

  Command tick_verb("tick", "begin and end the sessions that are due");
  tick_verb.description(
      "Looks at all streams that were applied and have a schedule, starts stream-ctl up --once in "
      "the background for each whose session is due and that does not run, and does the same to "
      "end what still runs of a session that is over. It is meant to be run each minute, by a line "
      "of crontab(5) such as \"* * * * * stream-ctl tick\"; to run it more often, or twice at "
      "once, does no harm. Streams that stream-ctl up waits for "
      "are left to it. It prints what it does, and nothing when nothing is due. Exits with 13 when "
      "some stream could not be started.");
  tick_verb.flag("-n,--dry-run", options.dry_run, "say what would be done");
  options.tick_table.declare(tick_verb, {"stream", "action", "session"});
  tick_verb.run([&](Context& context) { return tick(options, context); });

  root.subcommand(std::move(tick_verb))
      .subcommand(up_command(options))
      .subcommand(start_command(options))
      .subcommand(archive_command(options))
      .subcommand(edit_command(options))
      .subcommand(std::move(apply_verb))
      .subcommand(std::move(create_verb))
      .subcommand(std::move(diff_verb))
      .subcommand(std::move(delete_verb))
      .subcommand(std::move(live_verb))
      .subcommand(std::move(wait_verb))
      .subcommand(std::move(restart_verb));
}

}  // namespace stream::ctl

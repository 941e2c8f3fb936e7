// The verbs about hooks: who is told what happens to a stream.
#include "base/error.h"
#include "ctl.h"

namespace stream::ctl {

using cli::Command;
using cli::Completion;
using cli::Context;

namespace {

void declare_hook(Command& verb, Options& options) {
  verb.positional("HOOK", options.hook, "only this one").optional();
}

Command verify_command(Options& options) {
  Command verb("verify", "say by the exit code whether a received message is authentic");
  verb.description(
      "For receivers. Reads the message as it came by HTTP from FILE or standard input: the "
      "headers, an empty line, the body byte for byte; a request line may come first. 0: it is by "
      "the holder of the secret and was sent just now; 1: it is not. Who wants each event once "
      "keeps the ids (webhook-id) that were seen.");
  verb.positional("FILE", options.file, "the message").optional().completes(Completion::kFile);
  verb.option("--secret", options.hook_secret, "SOURCE", "the secret of the hook").required();
  verb.option("--tolerance", options.tolerance, "TIME", "how old or how far ahead it may be");
  verb.check([&] {
    if (options.tolerance.value < std::chrono::seconds(1))
      throw Error(Exit::kUsage, "usage.value", "--tolerance is less than a second",
                  "for example --tolerance 5m");
  });
  verb.run(cli::predicate([&](Context& context) { return hooks_verify(options, context); }));
  return verb;
}

Command retry_command(Options& options) {
  Command verb("retry", "deliver what waits now");
  verb.description(
      "Of a stream that runs, stream-ctl up tries at once. Of another what waits is delivered "
      "here, each hook until a try fails; exits with 10 when something is left.\n\n"
      "With --all it is every stream that does not run and that something waits for, in turn. "
      "stream-ctl up tries for as long as its stream runs; what comes at its end while a receiver "
      "is away waits for this, or for the stream's next run. stream-hooks.timer (stream-ctl "
      "install) or a line in a crontab(5) calls it every five minutes.");
  verb.example("stream-ctl hooks retry --all", "Deliver what is left of streams that have ended");
  verb.positional("NAME", options.name, "the stream").optional().completes(Completion::kStream);
  declare_hook(verb, options);
  verb.flag("--all", options.all, "of all streams that do not run");
  verb.option("--timeout", options.timeout, "TIME", "how long, of one that does not run");
  verb.check([&] { check_name_or_all(options, "hooks retry"); });
  verb.run([&](Context& context) {
    return options.all ? hooks_retry_all(options, context) : hooks_retry(options, context);
  });
  return verb;
}

}  // namespace

void declare_hooks_verbs(Command& root, Options& options) {
  Command group("hooks", "who is told what happens to a stream");
  group.description(
      "A stream file's section hooks, see stream.yaml(5), names endpoints and programs that get "
      "the "
      "stream's events. What is not delivered yet is kept in STATE/NAME/hooks.");

  Command list_verb("list", "show the hooks of a stream and what waits for them");
  list_verb.positional("NAME", options.name, "the stream").completes(Completion::kStream);
  options.hooks_table.declare(list_verb, {"hook", "kind", "pending", "oldest", "reason"});
  list_verb.run([&](Context& context) { return hooks_list(options, context); });

  Command retry_verb = retry_command(options);
  Command test_verb("test", "send the event hook.test and say what came of it");
  test_verb.description("One try for each hook, with nothing in between: 0 when all have it.");
  test_verb.positional("FILE|NAME", options.file, "a stream file, or a stream that was applied")
      .completes(Completion::kFile);
  declare_hook(test_verb, options);
  test_verb.run([&](Context& context) { return hooks_test(options, context); });

  Command secret_verb("secret", "make a secret for a hook and print it");
  secret_verb.run([&](Context& context) { return hooks_secret(options, context); });

  group.subcommand(std::move(list_verb))
      .subcommand(std::move(retry_verb))
      .subcommand(std::move(test_verb))
      .subcommand(verify_command(options))
      .subcommand(std::move(secret_verb));
  root.subcommand(std::move(group));
}

}  // namespace stream::ctl

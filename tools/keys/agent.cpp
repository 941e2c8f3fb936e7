// agent: holds the unlocked key for a while.
#include "vault/agent.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>

#include "os/dirs.h"
#include "os/notify.h"
#include "vault/agent_client.h"
#include "verbs.h"

namespace stream::tools {
namespace {

struct AgentOptions : VaultOptions {
  Duration lifetime{std::chrono::hours(8)};
  bool detach = false;
};

os::Fd catch_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  return os::Fd(::signalfd(-1, &set, SFD_CLOEXEC));
}

// True in the child. Standard streams are left, so that who waits for them goes on.
bool go_to_background() {
  const pid_t child = ::fork();
  if (child < 0) throw_errno("fork", "the agent", errno);
  if (child > 0) return false;
  ::setsid();
  const os::Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (int fd : {0, 1, 2}) ::dup2(null.get(), fd);
  return true;
}

int run(const cli::Context& context, const AgentOptions& o) {
  const std::string path = o.path();
  const vault::Header header = vault::read_header(path);
  vault::UnlockOptions unlocking;
  unlocking.key_file = o.key_file;
  unlocking.use_agent = false;
  crypto::LockedBytes root;
  // Opening the vault once proves the key; the root key is caught on its way.
  vault::Vault(path, [&](const vault::Header& h, const std::string& p) {
    root = vault::usual_unlock(unlocking)(h, p);
    return root.clone();
  });
  os::make_dirs(os::runtime_dir());
  vault::Agent agent(vault::agent_path(), header, std::move(root));
  const os::Fd signals = catch_signals();
  context.confirm("the agent opens " + path + " for " + to_text(o.lifetime) + "; to end it: kill " +
                  (o.detach ? "the process that listens on " + vault::agent_path()
                            : std::to_string(::getpid())));
  if (o.detach) {
    if (!go_to_background()) return agent.abandon(), 0;
    agent.lock_again();
  }
  os::notify("READY=1\nSTATUS=holds the key of " + path);
  if (!agent.serve(signals.get(),
                   std::chrono::duration_cast<std::chrono::milliseconds>(o.lifetime.value)))
    return 0;
  os::notify("STOPPING=1");
  signalfd_siginfo info{};
  const bool known = ::read(signals.get(), &info, sizeof info) == sizeof info;
  return known && info.ssi_signo == SIGINT ? static_cast<int>(Exit::kInterrupted) : 0;
}

}  // namespace

cli::Command agent_command() {
  auto o = std::make_shared<AgentOptions>();
  cli::Command command("agent", "hold the vault's key for a while, so that nobody is asked again");
  command.description(
      "Unlocks the vault once and gives its key to programs of the same user over a socket. Runs "
      "in "
      "the foreground; ends when its time is over.");
  command.option("--lifetime", o->lifetime, "TIME", "how long");
  command.flag("--detach", o->detach, "go to the background once the key is known");
  o->declare(command);
  command.run([o](cli::Context& context) { return run(context, *o); });
  return command;
}

}  // namespace stream::tools

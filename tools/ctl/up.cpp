#include "archive.h"
#include "base/error.h"
#include "cli/secret_source.h"
#include "control/service.h"
#include "ctl.h"
#include "registry.h"
#include "streams/supervisor.h"

namespace stream::ctl {

int up(const Options& options, const cli::Context& context) {
  const Given given = read_given(options.file);
  const std::string& name = given.file.name;
  const auto lock = stream_lock(name);
  streams::BranchLimits limits;
  limits.first = std::chrono::duration_cast<std::chrono::milliseconds>(options.restart_delay.value);
  limits.failures = options.restart_max;
  control::Service service({"ctl", name, options.events});
  auto files = store();
  const auto keep = options.now    ? streams::Keep::kNow
                    : options.once ? streams::Keep::kOnce
                                   : streams::Keep::kSchedule;
  streams::Supervisor supervisor(service, files, manifest_of(given), given.file, limits,
                                 cli::read_secret, keep);
  const bool waits = given.file.schedule && !options.now;
  context.confirm((waits ? "running '" + name + "' by its schedule" : "running '" + name + "'") +
                  "; stream-ctl status " + name + " shows it");
  const struct Rest {  // however it ends
    const std::string& name;
    ~Rest() { leave_archive(name); }
  } rest{name};
  return service.run([&] { return supervisor.run(); });
}

}  // namespace stream::ctl

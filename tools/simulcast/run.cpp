#include <sys/resource.h>

#include "base/error.h"
#include "cli/terminal.h"
#include "options.h"
#include "session.h"

namespace stream::simulcast {
namespace {

// A socket per destination.
void allow_many_descriptors() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int run(const Options& o, cli::Context& context) {
  if (o.input.input.empty())
    throw Error(Exit::kUsage, "usage.missing", "no input is given",
                "for example -i bus:demo; see stream-simulcast --help");
  allow_many_descriptors();
  const std::string bus = cli::name_for(o.input.input);
  const std::string name = o.service.name.empty() ? bus : o.service.name;
  const bool table = cli::is_terminal(2) && !context.common().quiet && !context.json();
  boost::asio::io_context io(1);
  control::Service service(o.service.service(context.tool(), bus), io);
  Session session(io, service, o, name, table);
  return service.run([&] {
    session.begin();
    io.run();
    return session.result();
  });
}

}  // namespace stream::simulcast

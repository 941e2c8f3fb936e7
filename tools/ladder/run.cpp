#include <sched.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <thread>

#include "base/error.h"
#include "base/log.h"
#include "cli/progress.h"
#include "ladder/commands.h"
#include "os/file_lock.h"

namespace stream::ladder {
namespace {

control::Json to_json(const media::EventFields& fields) {
  control::Json json = control::Json::object();
  for (const auto& [key, value] : fields) {
    control::Json& slot = json[key];
    std::visit(
        [&slot](const auto& v) {
          if constexpr (!std::is_same_v<std::decay_t<decltype(v)>, std::monostate>) slot = v;
        },
        value);
  }
  return json;
}

// The cores this process may use: a container or taskset may leave fewer than there are.
int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0)
    return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  return std::max(1, CPU_COUNT(&set));
}

// Nobody else writes there. On the bus alone the rungs' sockets see to that.
std::optional<os::FileLock> lock_output(const std::string& output) {
  if (output.empty()) return std::nullopt;
  std::error_code error;
  std::filesystem::create_directories(output, error);
  if (error) throw_errno("create", output, error.value(), "give -o a directory");
  return std::optional<os::FileLock>(std::in_place, output + "/.lock", output);
}

// The first thing that could not be written. Any thread.
class Losses {
 public:
  void note(const std::string& event, const control::Json& fields) {
    if (event != "file.failed") return;
    std::lock_guard lock(mutex_);
    if (first_.empty()) first_ = fields.value("reason", "");
  }
  // Throws Error "ladder.partial" if there was one.
  void tell(const std::string& output) const {
    std::lock_guard lock(mutex_);
    if (first_.empty()) return;
    throw Error(Exit::kPartial, "ladder.partial", output + " is not whole: " + first_,
                "make room and package it again; live, players skip what is missing");
  }

 private:
  mutable std::mutex mutex_;
  std::string first_;
};

}  // namespace

int run(const Options& o, cli::Context& context) {
  media::LadderOptions options;
  options.spec = make_spec(o);
  options.output = o.output;
  options.on_slow = slow_policy(o);
  options.bus = bus_of(o);
  options.date = date_of(o);
  options.cores = usable_cores();

  control::Service service(o.service.service(context.tool(), cli::name_for(o.input.input)));
  Losses losses;
  options.event = [&](const std::string& event, media::EventFields fields) {
    control::Json json = to_json(fields);
    losses.note(event, json);
    service.emit(event, std::move(json));
  };
  options.alive = [&] { service.alive(); };
  options.planned = [&](const media::Plan& plan) {
    std::string text = media::to_text(plan);
    while (!text.empty()) {
      const size_t end = text.find('\n');
      context.confirm(text.substr(0, end));
      text.erase(0, end + 1);
    }
    service.ready(o.output.empty() ? "rungs on the bus as bus:" + options.bus + "/RUNG"
                                   : "writing " + o.output + "/master.m3u8");
  };

  return service.run([&] {
    const auto lock = lock_output(o.output);
    media::InputOptions input_options;
    input_options.interrupter = std::make_shared<av::Input::Interrupter>();
    input_options.repair = true;
    service.on_stop([i = input_options.interrupter] { i->interrupt(); });
    media::MediaInput input(o.input.input, input_options);
    auto ladder = std::make_shared<media::Ladder>(options);
    service.status(
        [ladder, &o](const std::string&) { return status_json(ladder->status(), o.output); });
    service.on_stop([ladder] { ladder->stop(); });
    const cli::LiveLine line(context, [&] { return status_line(ladder->status()); });
    ladder->run(input);
    losses.tell(o.output);
    return Exit::kOk;
  });
}

}  // namespace stream::ladder

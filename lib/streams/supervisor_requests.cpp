// What others ask of the supervisor: the control socket and SIGHUP.
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <future>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "streams/supervisor.h"

namespace stream::streams {
namespace {

using namespace std::chrono_literals;

Json to_json(const Difference& d) {
  return {{"started", d.started},
          {"ended", d.ended},
          {"restarted", d.restarted},
          {"destinations_set", d.destinations_set},
          {"destinations_removed", d.destinations_removed}};
}

}  // namespace

struct Supervisor::Request {
  Work work;
  std::promise<Json> done;
};

Supervisor::Supervisor(control::Service& service, manifest::Store& store, manifest::Stream stream,
                       File file, BranchLimits limits, hooks::ReadSecret read_secret, Keep keep)
    : service_(service),
      store_(store),
      stream_(std::move(stream)),
      file_(std::move(file)),
      limits_(limits),
      teller_(service, file_.name, std::move(read_secret)),
      keep_(keep),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  declare_verbs();
}

Supervisor::~Supervisor() = default;

Json Supervisor::ask(Work work) {
  auto request = std::make_shared<Request>();
  request->work = std::move(work);
  auto answer = request->done.get_future();
  {
    std::lock_guard lock(mutex_);
    if (closed_) throw Error(Exit::kNotRunning, "stream.absent", "the stream has ended");
    requests_.push_back(request);
  }
  const uint64_t one = 1;
  if (::write(wake_.get(), &one, sizeof one) < 0) log::debug("eventfd is full");
  if (answer.wait_for(4s) != std::future_status::ready)
    throw Error(Exit::kTimeout, "control.timeout", "stream-ctl did not get round to it",
                "it goes on; look at: stream-ctl status");
  return answer.get();
}

void Supervisor::answer_requests() {
  uint64_t count = 0;
  if (::read(wake_.get(), &count, sizeof count) < 0 && errno != EAGAIN) return;
  std::deque<std::shared_ptr<Request>> requests;
  {
    std::lock_guard lock(mutex_);
    requests.swap(requests_);
    closed_ = over_;
  }
  for (const auto& request : requests) {
    try {
      request->done.set_value(request->work());
    } catch (...) {
      request->done.set_exception(std::current_exception());
    }
  }
}

void Supervisor::declare_verbs() {
  service_.status([this](const std::string&) {
    std::lock_guard lock(mutex_);
    return status_;
  });
  service_.verb("apply", [this](const Json& params, const std::string&) {
    if (!params.contains("file"))
      throw Error(Exit::kUsage, "usage.value", "the request has no \"file\"");
    const File file = file_from_json(params["file"], "the request");
    const std::string path = params.value("path", "");
    return ask([this, file, path] {
      if (!path.empty()) stream_.path = path;
      return apply(file);
    });
  });
  // A signal only interrupts a session: the machine may be going down.
  service_.verb("stop", [this](const Json&, const std::string&) {
    asked_ = true;
    service_.stop("asked by the control socket");
    return Json{{"stopping", true}};
  });
  service_.verb("hooks.list", [this](const Json&, const std::string&) {
    return ask([this] { return Json{{"hooks", teller_.status()}}; });
  });
  service_.verb("hooks.retry", [this](const Json& params, const std::string&) {
    const std::string hook = params.value("hook", "");
    return ask([this, hook] {
      teller_.retry(hook);
      return Json{{"hooks", teller_.status()}};
    });
  });
  service_.verb("process.restart", [this](const Json& params, const std::string&) {
    const std::string tool = params.value("tool", "");
    return ask([this, tool] { return restart(tool); });
  });
  service_.on_reload([this] {
    std::string path;
    ask([&] {
      path = stream_.path;
      return Json();
    });
    if (path.empty())
      throw Error(Exit::kUsage, "usage.missing", "the stream was made without a file to read anew");
    const File file = load_file(path);
    ask([this, file] { return apply(file); });
  });
}

Json Supervisor::apply(const File& file) {
  if (file.name != file_.name)
    throw Error(Exit::kConfig, "stream.name",
                "the file is of '" + file.name + "', not of '" + file_.name + "'",
                "another stream is another stream-ctl up");
  if (ending_) throw Error(Exit::kNotRunning, "stream.absent", "the stream is ending");
  const Difference d = difference(file_, file);
  if (d.empty()) return {{"changed", false}};
  const auto rights = std::exchange(file_, file).visibility;
  take_rights(rights);
  destinations_due_ = true;
  stream_.title = file.title;
  stream_.group = file.group;
  stream_.file = to_json(file);
  teller_.set(file_.hooks);
  if (zone_) take_schedule();
  asleep_ ? want_archive() : want_all();
  save();
  Json fields = to_json(d);
  service_.emit("stream.applied", fields);
  fields["changed"] = true;
  return fields;
}

Json Supervisor::restart(const std::string& tool) {
  Branch* one = find(tool);
  if (!one || !one->wanted())
    throw Error(Exit::kNotRunning, "stream.absent",
                "'" + escaped(tool, 60) + "' is no program of '" + file_.name + "'");
  one->restart();
  return {{"restarted", tool}};
}

}  // namespace stream::streams

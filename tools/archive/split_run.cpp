#include "split_run.h"

#include <sys/socket.h>

#include <cerrno>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "os/dirs.h"

namespace stream::archive {
namespace {

using control::Json;

constexpr char kSplitter[] = "stream-record";

Nanoseconds time_in(const Json& part, const char* name) {
  return Nanoseconds(std::llround(part.value(name, 0.0) * 1e9));
}

}  // namespace

SplitRun::SplitRun(std::string file, uint64_t limit, std::string folder, control::Service& service)
    : file_(std::move(file)), folder_(std::move(folder)), limit_(limit), service_(service) {
  end_program(folder_, kSplitter);
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);  // of a run that was killed
  os::make_dirs(folder_);
  ProgramRun planning = run();
  planning.arguments.insert(planning.arguments.begin(), "--dry-run");
  planning.event = [this](const Json& event) { take_plan(event); };
  run_program(planning, service_);
  if (parts_.empty())
    throw Error(Exit::kNo, "program.failed", std::string(kSplitter) + " told no parts of " + file_,
                "it is of another version than this program: install them together");
}

SplitRun::~SplitRun() {
  program_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

ProgramRun SplitRun::run() const {
  return {kSplitter,
          {"--size", std::to_string(limit_) + "B", "-o", folder_, "--", file_},
          folder_,
          nullptr,
          "split"};
}

void SplitRun::take_plan(const Json& event) {
  if (event.value("event", "") != "split.planned") return;
  const auto known = [&](const char* name) {
    const Json value = event.value(name, Json());
    return value.is_number() ? value.get<int>() : 0;
  };
  width_ = known("width");
  height_ = known("height");
  for (const Json& part : event.value("parts", Json::array()))
    parts_.push_back(
        {part.value("path", ""), time_in(part, "from_seconds"), time_in(part, "to_seconds")});
}

void SplitRun::make_next() {
  if (!program_) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
      throw_errno("start", kSplitter, errno);
    asks_ = os::Fd(ends[0]);
    const os::Fd input(ends[1]);
    ProgramRun making = run();
    making.arguments.insert(making.arguments.begin(), "--on-demand");
    making.input = input.get();
    making.event = [this](const Json& event) {
      made_ += event.value("event", "") == "file.closed";
    };
    program_.emplace(std::move(making), service_);
  }
  ++asked_;
  ::send(asks_.get(), "\n", 1, MSG_NOSIGNAL);  // when nobody takes it, the program says why
  while (made_ < asked_) {
    if (!program_->wait() && made_ < asked_)
      throw Error(Exit::kNo, "program.failed", std::string(kSplitter) + " made no part of " + file_,
                  "run it by itself to see why");
  }
}

}  // namespace stream::archive

#include "control/events.h"

#include <fcntl.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <charconv>

#include "base/error.h"
#include "base/text.h"
#include "base/time.h"
#include "control/event_list.h"
#include "control/line_writer.h"
#include "os/unix_socket.h"

namespace stream::control {
namespace {

[[noreturn]] void refuse(const std::string& target, int error) {
  throw Error(error == EACCES || error == EPERM ? Exit::kNotAllowed : Exit::kUsage, "events.target",
              "cannot write events to '" + escaped(target) + "': " + errno_text(error),
              "use - for standard output, an open descriptor's number, a file, or unix:PATH of a "
              "listening socket");
}

os::Fd open_target(const std::string& target) {
  int number = -1;
  const auto [end, error] = std::from_chars(target.data(), target.data() + target.size(), number);
  if (target == "-") number = 1;
  if (number >= 0 && (target == "-" || end == target.data() + target.size())) {
    // A copy: closing ours leaves the caller's descriptor as it is.
    os::Fd fd(::fcntl(number, F_DUPFD_CLOEXEC, 3));
    if (!fd) refuse(target, errno);
    return fd;
  }
  if (target.starts_with("unix:")) {
    os::Fd fd = os::connect_unix(target.substr(5));
    if (!fd) refuse(target, errno);
    return fd;
  }
  os::Fd fd(::open(target.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0644));
  if (!fd) refuse(target, errno);
  return fd;
}

// Our own bug, so only looked at where asserts are on.
[[maybe_unused]] bool is_declared(std::string_view name, const Json& fields) {
  const EventInfo* info = find_event(name);
  if (!info || !fields.is_object()) return false;
  for (const auto& item : fields.items())
    if (std::none_of(info->fields.begin(), info->fields.end(),
                     [&](const EventField& field) { return field.name == item.key(); }))
      return false;
  return true;
}

std::string json_text(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

Events::Events(std::string tool, const std::string& target) : tool_(std::move(tool)) {
  if (!target.empty()) writer_ = std::make_unique<LineWriter>(open_target(target));
}

Events::~Events() = default;

void Events::emit(std::string_view event, std::string_view stream, Json fields) {
  assert(is_declared(event, fields));
  std::lock_guard lock(mutex_);
  if (exited_) return;  // a worker that has not ended yet: "exit" is the last line
  exited_ = event == "exit";
  if (!writer_ && subscribers_.empty()) {
    ++sequence_;
    return;
  }
  const auto line = [&](std::string_view name, const Json& own) {
    std::string text = "{\"schema\":\"stream.event/1\",\"time\":\"" + rfc3339(wall_now()) +
                       "\",\"tool\":" + json_text(tool_) + ",\"event\":" + json_text(name) +
                       ",\"stream\":" + (stream.empty() ? "null" : json_text(stream)) +
                       ",\"seq\":" + std::to_string(++sequence_);
    const std::string tail = json_text(own);
    text += own.empty() ? "}\n" : "," + tail.substr(1) + "\n";
    return std::make_shared<const std::string>(std::move(text));
  };
  if (writer_) {
    if (const uint64_t count = writer_->take_dropped())
      writer_->push(line("events.dropped", {{"count", count}}));
  }
  const Line text = line(event, fields);
  if (writer_) writer_->push(text);
  for (const Subscriber& subscriber : subscribers_) subscriber.handler(text);
}

uint64_t Events::subscribe(std::function<void(const Line&)> handler) {
  std::lock_guard lock(mutex_);
  subscribers_.push_back({++next_id_, std::move(handler)});
  return next_id_;
}

void Events::unsubscribe(uint64_t id) {
  std::lock_guard lock(mutex_);
  std::erase_if(subscribers_, [&](const Subscriber& subscriber) { return subscriber.id == id; });
}

void Events::flush() {
  if (writer_) writer_->flush(std::chrono::seconds(1));
}

}  // namespace stream::control

#include "registry.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "os/dirs.h"
#include "os/unix_socket.h"

namespace stream::ctl {

manifest::FileStore store() {
  return manifest::FileStore(os::state_dir());
}

std::optional<manifest::Stream> find_stream(const std::string& name) {
  auto files = store();
  return manifest::load_stream(files, name);
}

std::vector<manifest::Stream> known_streams() {
  std::vector<manifest::Stream> streams;
  auto files = store();
  for (const std::string& name : files.folders()) {
    if (!is_stream_name(name)) continue;
    try {
      if (auto stream = manifest::load_stream(files, name)) streams.push_back(std::move(*stream));
    } catch (const Error& e) {
      log::warning(e.what());
    }
  }
  return streams;
}

manifest::Stream known_stream(const std::string& name) {
  if (auto stream = find_stream(name)) return std::move(*stream);
  std::string names;
  for (const auto& stream : known_streams()) names += (names.empty() ? "" : ", ") + stream.name;
  throw Error(
      Exit::kNotRunning, "stream.absent", "no stream '" + name + "' was made from a file",
      names.empty() ? "there is none; stream-ctl apply FILE makes one" : "there are: " + names);
}

Given read_given(const std::string& text) {
  const bool path = text.find('/') != std::string::npos || text.ends_with(".yaml") ||
                    text.ends_with(".yml") || !is_stream_name(text) ||
                    ::access(text.c_str(), F_OK) == 0;
  if (!path) return {streams::file_of(known_stream(text)), {}};
  return {streams::load_file(text), std::filesystem::absolute(text).lexically_normal().string()};
}

os::FileLock stream_lock(const std::string& name) {
  check_stream_name(name);
  const std::string directory = os::state_dir() + "/" + name;
  os::make_dirs(directory);
  // One that was just killed may have a child that holds it for a moment yet.
  return os::FileLock(directory + "/stream.lock", "stream '" + name + "'",
                      std::chrono::milliseconds(1000));
}

bool supervised(const std::string& name) {
  return os::socket_is_live(os::control_socket_path(name, "ctl"));
}

std::string log_of(const std::string& name) {
  return os::state_dir() + "/" + name + "/ctl.log";
}

os::Fd open_log(const std::string& name) {
  return os::Fd(::open(log_of(name).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
}

os::Child spawn_up(const Given& given, const std::string& option) {
  const std::string& name = given.file.name;
  os::make_dirs(os::state_dir() + "/" + name);
  const os::Fd errors = open_log(name);
  if (!errors) throw_errno("write to", log_of(name), errno);
  std::vector<std::string> argv{"stream-ctl", "up", given.path.empty() ? name : given.path};
  if (!option.empty()) argv.push_back(option);
  return os::Child::spawn("/proc/self/exe", argv, {}, os::stream_runtime_dir(name) + "/ctl.run",
                          {-1, errors.get()});
}

manifest::Stream manifest_of(const Given& given) {
  manifest::Stream stream;
  if (auto known = find_stream(given.file.name))
    stream = std::move(*known);
  else
    stream.created = wall_now();
  stream.name = given.file.name;
  stream.title = given.file.title;
  stream.group = given.file.group;
  stream.file = streams::to_json(given.file);
  if (!given.path.empty()) stream.path = given.path;
  return stream;
}

}  // namespace stream::ctl

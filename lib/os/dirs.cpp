#include "os/dirs.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/error.h"
#include "base/text.h"
#include "os/unix_socket.h"

namespace stream::os {
namespace {

// systemd gives several directories separated by colons; the first is ours.
std::string first_of(const char* list) {
  return std::string(list, std::strcspn(list, ":"));
}

const char* variable(const char* name) {
  const char* value = std::getenv(name);
  return value && *value ? value : nullptr;
}

std::string pick(const char* own, const char* systemd, const char* system, const char* xdg,
                 const char* xdg_default) {
  if (const char* dir = variable(own)) return dir;
  if (const char* dir = variable(systemd)) return first_of(dir);
  if (geteuid() == 0) return system;
  if (const char* dir = variable(xdg)) return std::string(dir) + "/stream";
  const char* home = variable("HOME");
  if (xdg_default && home) return std::string(home) + xdg_default;
  return "/tmp/stream-" + std::to_string(geteuid());
}

std::vector<std::string> entries(const std::string& path) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir(path.c_str()), closedir);
  while (dir) {
    const dirent* entry = readdir(dir.get());
    if (!entry) break;
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

constexpr std::string_view kSuffix = ".sock";

std::string rungs_dir(std::string_view name) {
  return runtime_dir() + "/" + std::string(name) + "/rungs";
}

}  // namespace

std::string runtime_dir() {
  return pick("STREAM_RUNTIME_DIR", "RUNTIME_DIRECTORY", "/run/stream", "XDG_RUNTIME_DIR", nullptr);
}
std::string state_dir() {
  return pick("STREAM_STATE_DIR", "STATE_DIRECTORY", "/var/lib/stream", "XDG_STATE_HOME",
              "/.local/state/stream");
}
std::string config_dir() {
  return pick("STREAM_CONFIG_DIR", "CONFIGURATION_DIRECTORY", "/etc/stream", "XDG_CONFIG_HOME",
              "/.config/stream");
}

std::string media_socket_path(std::string_view bus) {
  assert(is_bus_name(bus));
  const auto [stream, rung] = split_bus_name(bus);
  if (!rung) return control_socket_path(stream, "media");
  return rungs_dir(stream) + "/" + std::string(*rung) + std::string(kSuffix);
}

std::string control_socket_path(std::string_view name, std::string_view tool) {
  assert(is_stream_name(name));
  return runtime_dir() + "/" + std::string(name) + "/" + std::string(tool) + std::string(kSuffix);
}

std::string stream_runtime_dir(std::string_view name) {
  assert(is_stream_name(name));
  const std::string path = runtime_dir() + "/" + std::string(name);
  make_dirs(path);
  return path;
}

std::vector<std::string> live_streams() {
  std::vector<std::string> live;
  const std::string root = runtime_dir();
  for (const std::string& name : entries(root)) {
    if (!is_stream_name(name)) continue;
    const auto sockets = entries(root + "/" + name);
    if (std::any_of(sockets.begin(), sockets.end(), [&](const std::string& s) {
          return socket_is_live(root + "/" + name + "/" + s);
        }))
      live.push_back(name);
  }
  return live;
}

std::vector<std::string> rungs_by_name(std::string_view name) {
  std::vector<std::string> rungs;
  if (!is_stream_name(name)) return rungs;
  for (const std::string& entry : entries(rungs_dir(name))) {
    if (!entry.ends_with(kSuffix)) continue;
    const std::string rung = entry.substr(0, entry.size() - kSuffix.size());
    if (is_rung_name(rung)) rungs.push_back(rung);
  }
  return rungs;
}

std::vector<std::string> live_rungs(std::string_view name) {
  std::vector<std::string> rungs = rungs_by_name(name);
  std::erase_if(rungs, [&](const std::string& rung) {
    return !socket_is_live(media_socket_path(std::string(name) + "/" + rung));
  });
  return rungs;
}

std::vector<std::string> live_tools(std::string_view name) {
  std::vector<std::string> live;
  if (!is_stream_name(name)) return live;
  const std::string dir = runtime_dir() + "/" + std::string(name);
  for (const std::string& entry : entries(dir)) {
    if (entry.size() <= kSuffix.size() || !entry.ends_with(kSuffix) || entry == "media.sock")
      continue;
    if (socket_is_live(dir + "/" + entry))
      live.push_back(entry.substr(0, entry.size() - kSuffix.size()));
  }
  return live;
}

void make_dirs(const std::string& path) {
  for (size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (::mkdir(part.c_str(), 0700) != 0 && errno != EEXIST && errno != EISDIR) {
      struct stat st {};
      const int error = errno;
      if (::stat(part.c_str(), &st) != 0) throw_errno("make the directory", part, error);
    }
    if (end == std::string::npos) break;
  }
  struct stat st {};
  if (::stat(path.c_str(), &st) == 0 && !S_ISDIR(st.st_mode))
    throw_errno("make the directory", path, ENOTDIR);
}

}  // namespace stream::os

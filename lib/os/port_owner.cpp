#include "os/port_owner.h"

#include <dirent.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <vector>

#include "base/text.h"

namespace stream::os {
namespace {

// Inodes of the sockets that listen on `port`, from net/tcp and tcp6 (proc(5)); /proc/net
// leads to the same, and a sandboxed service (ProcSubset=pid) lacks it.
std::set<std::string> listening_inodes(uint16_t port) {
  std::set<std::string> inodes;
  for (const char* path : {"/proc/self/net/tcp", "/proc/self/net/tcp6"}) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);  // headings
    while (std::getline(file, line)) {
      std::istringstream fields(line);
      std::string slot, local, remote, state, skip, inode;
      fields >> slot >> local >> remote >> state >> skip >> skip >> skip >> skip >> skip >> inode;
      const size_t colon = local.rfind(':');
      if (state != "0A" || colon == std::string::npos) continue;  // TCP_LISTEN
      if (std::strtoul(local.c_str() + colon + 1, nullptr, 16) == port) inodes.insert(inode);
    }
  }
  return inodes;
}

std::vector<std::string> numbers_in(const std::string& path) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir(path.c_str()), closedir);
  while (dir) {
    const dirent* entry = readdir(dir.get());
    if (!entry) break;
    if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9') names.emplace_back(entry->d_name);
  }
  return names;
}

bool holds(const std::string& pid, const std::set<std::string>& inodes) {
  const std::string dir = "/proc/" + pid + "/fd";
  for (const std::string& number : numbers_in(dir)) {
    char target[64];
    const ssize_t n = ::readlink((dir + "/" + number).c_str(), target, sizeof target);
    const std::string_view text(target, n > 0 ? static_cast<size_t>(n) : 0);
    if (text.starts_with("socket:[") && text.ends_with("]") &&
        inodes.count(std::string(text.substr(8, text.size() - 9))))
      return true;
  }
  return false;
}

}  // namespace

std::string describe_port_owner(uint16_t port) {
  const auto inodes = listening_inodes(port);
  if (!inodes.empty())
    for (const std::string& pid : numbers_in("/proc")) {
      if (!holds(pid, inodes)) continue;
      std::ifstream file("/proc/" + pid + "/comm");
      std::string name;
      std::getline(file, name);
      return "process " + pid + " (" + escaped(name, 40) + ")";
    }
  return "another process";
}

}  // namespace stream::os

#include "observe/process.h"

#include <dirent.h>
#include <unistd.h>

#include <charconv>
#include <fstream>
#include <memory>
#include <sstream>
#include <vector>

namespace stream::observe {
namespace {

// Where they stand after the name, which may hold spaces and parentheses (proc(5), counted from 3).
constexpr size_t kUserTime = 14 - 3, kSystemTime = 15 - 3, kThreads = 20 - 3, kResident = 24 - 3;

std::optional<uint64_t> count_of(std::string_view word) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return value;
}

uint64_t count_entries(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(path.c_str()), ::closedir);
  uint64_t count = 0;
  while (dir) {
    const dirent* entry = ::readdir(dir.get());
    if (!entry) break;
    count += entry->d_name[0] != '.';
  }
  return count;
}

}  // namespace

std::optional<ProcessFigures> parse_stat(std::string_view text, long ticks_per_second,
                                         long page_size) {
  const size_t name_end = text.rfind(')');
  if (name_end == text.npos || ticks_per_second <= 0) return std::nullopt;
  std::vector<std::string_view> words;
  for (size_t at = name_end + 1; at < text.size();) {
    const size_t begin = text.find_first_not_of(" \n", at);
    if (begin == text.npos) break;
    const size_t end = std::min(text.find_first_of(" \n", begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    at = end;
  }
  if (words.size() <= kResident) return std::nullopt;
  const auto user = count_of(words[kUserTime]), system = count_of(words[kSystemTime]);
  const auto threads = count_of(words[kThreads]), pages = count_of(words[kResident]);
  if (!user || !system || !threads || !pages) return std::nullopt;
  ProcessFigures figures;
  figures.cpu_seconds = (static_cast<double>(*user) + static_cast<double>(*system)) /
                        static_cast<double>(ticks_per_second);
  figures.resident_bytes = *pages * static_cast<uint64_t>(page_size);
  figures.threads = static_cast<unsigned>(*threads);
  return figures;
}

// Of a program that was replaced meanwhile the kernel says "ffplay (deleted)".
std::string process_name(pid_t pid) {
  char path[4096];
  const ssize_t n =
      ::readlink(("/proc/" + std::to_string(pid) + "/exe").c_str(), path, sizeof path);
  std::string name(path, n > 0 ? static_cast<size_t>(n) : 0);
  constexpr std::string_view kDeleted = " (deleted)";
  if (name.ends_with(kDeleted)) name.resize(name.size() - kDeleted.size());
  return name.substr(name.rfind('/') + 1);
}

std::optional<ProcessFigures> process_figures(pid_t pid) {
  const std::string dir = "/proc/" + std::to_string(pid);
  std::ifstream file(dir + "/stat");
  std::ostringstream text;
  text << file.rdbuf();
  auto figures = parse_stat(text.str(), ::sysconf(_SC_CLK_TCK), ::sysconf(_SC_PAGESIZE));
  if (figures) figures->open_descriptors = count_entries(dir + "/fd");
  return figures;
}

}  // namespace stream::observe

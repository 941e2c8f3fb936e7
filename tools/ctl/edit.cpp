// stream-ctl edit: the stream file in an editor; what is wrong never takes its place.
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "base/error.h"
#include "base/text.h"
#include "ctl.h"
#include "os/atomic_file.h"
#include "os/dirs.h"
#include "os/fd.h"
#include "registry.h"

extern char** environ;

namespace stream::ctl {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxFile = 1 << 20;

// Words, not a shell's line: VISUAL="code --wait".
std::vector<std::string> editor() {
  const char* text = std::getenv("VISUAL");
  if (!text || !*text) text = std::getenv("EDITOR");
  std::istringstream words(text && *text ? text : "vi");
  std::vector<std::string> argv;
  for (std::string word; words >> word;) argv.push_back(word);
  return argv;
}

void run_editor(const std::string& path) {
  std::vector<std::string> argv = editor();
  argv.push_back(path);
  std::vector<char*> words;
  for (std::string& word : argv) words.push_back(word.data());
  words.push_back(nullptr);
  pid_t pid = 0;
  if (const int error = ::posix_spawnp(&pid, words[0], nullptr, nullptr, words.data(), environ))
    throw_errno("run", argv[0], error, "set VISUAL or EDITOR to your editor");
  int how = 0;
  while (::waitpid(pid, &how, 0) < 0 && errno == EINTR) continue;
  if (!WIFEXITED(how) || WEXITSTATUS(how) != 0)
    throw Error(Exit::kNo, "edit.failed", "the editor '" + escaped(argv[0]) + "' failed",
                "nothing was changed; what was written is in " + path);
}

// The file that the stream was made from; when that is gone, the stream's normal form in STATE.
std::string edited_file(const std::string& text) {
  const Given given = read_given(text);
  if (!given.path.empty()) return given.path;
  const std::string path = known_stream(text).path;
  if (!path.empty() && ::access(path.c_str(), F_OK) == 0) return path;
  const std::string made = os::state_dir() + "/" + text + "/stream.yaml";
  os::write_file(made, streams::to_yaml(given.file), os::Sync::kYes, 0600);
  return made;
}

}  // namespace

int edit(const Options& options, const cli::Context& context) {
  const std::string path = edited_file(options.file);
  const std::string before = os::read_file(path, kMaxFile);
  // Beside it, so that relative paths lead to the same place.
  const std::string copy = path + ".edit.yaml";
  if (::access(copy.c_str(), F_OK) != 0)
    os::write_file(copy, before, os::Sync::kNo, 0600);
  else
    context.confirm("going on with what was left in " + copy);
  run_editor(copy);
  const std::string name = streams::load_file(path).name;
  try {
    const streams::File file = streams::load_file(copy);
    if (file.name != name)
      throw Error(Exit::kConfig, "stream.name",
                  "the file is of '" + file.name + "' now, not of '" + name + "'",
                  "another stream is another file");
  } catch (const Error& e) {
    throw Error(e.code(), e.id(), e.what(),
                (e.hint().empty() ? "" : e.hint() + "; ") + ("nothing was changed, edit again: ") +
                    "stream-ctl edit " + options.file);
  }
  const std::string after = os::read_file(copy, kMaxFile);
  if (after != before) {
    struct stat now {};
    const unsigned mode = ::stat(path.c_str(), &now) == 0 ? now.st_mode & 0777 : 0644;
    os::write_file(path, after, os::Sync::kYes, mode);
  }
  fs::remove(copy);
  Options applied = options;
  applied.file = path;
  return apply(applied, context);
}

}  // namespace stream::ctl

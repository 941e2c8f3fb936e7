// The programs: whether they are there, what they load, how fast they encode here.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "base/text.h"
#include "doctor/command.h"
#include "doctor/machine.h"

namespace stream::doctor {
namespace {

using namespace std::chrono_literals;

constexpr double kClip = 2;  // seconds
constexpr double kHeadroom = 0.8;
// The first with the patches of Debian 12 for its overflows before a stream id is seen; the number
// of upstream's version stayed.
constexpr const char* kPatchedSrt = "1.5.1-1+deb12u2";

// Removed with all that is in it.
class ScratchDir {
 public:
  ScratchDir() {
    std::error_code error;
    path_ = (std::filesystem::temp_directory_path(error) / "stream-doctor-XXXXXX").string();
    if (!::mkdtemp(path_.data())) path_.clear();
  }
  ~ScratchDir() {
    std::error_code error;
    if (!path_.empty()) std::filesystem::remove_all(path_, error);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string first_word(const std::string& text) {
  return text.substr(0, text.find_first_of(" :\t\n"));
}

}  // namespace

Finding check_programs(const std::vector<std::string>& missing) {
  if (missing.empty()) return {"programs.installed", State::kOk, "all programs are here", {}};
  std::string names;
  for (const std::string& name : missing) names += (names.empty() ? "" : ", ") + name;
  return {"programs.installed", State::kFail, names + " is neither beside stream-ctl nor in PATH",
          "install the whole package"};
}

Finding judge_encoder(double cores_per_rung, unsigned cores) {
  const double rungs = kHeadroom * cores / std::max(cores_per_rung, 1e-6);
  char seen[160];
  std::snprintf(seen, sizeof seen,
                "a rung of 720p30 takes %.2f cores: %u cores carry %.0f of them at once, with a "
                "fifth to spare",
                cores_per_rung, cores, rungs);
  if (rungs >= 3) return {"encoder.speed", State::kOk, seen, {}};
  return {"encoder.speed", rungs < 1 ? State::kFail : State::kWarn, seen,
          "fewer or smaller rungs, preset=ultrafast, copy_top, or another machine; stream-ctl "
          "plan reckons a whole file"};
}

Finding check_encoder(const std::string& ingest, const std::string& ladder, unsigned cores) {
  const ScratchDir scratch;
  const std::string clip = scratch.path() + "/clip.mkv";
  const Finding broken{"encoder.speed", State::kFail, "", "run the command for its message"};
  if (scratch.path().empty())
    return {"encoder.speed", State::kFail, "no temporary directory can be made",
            "set TMPDIR to a directory that can be written to"};
  const auto failed = [&](const std::string& program, const Ran& ran) {
    Finding finding = broken;
    finding.evidence = program + (ran.code == 124 ? " takes longer than a minute for two seconds"
                                                  : " ends with " + std::to_string(ran.code));
    return finding;
  };
  const Ran made = run_command({ingest, "-q", "--test-pattern", "--size", "1280x720", "--rate",
                                "30", "--duration", "2s", "--format", "matroska", "-o", clip},
                               60s);
  if (made.code != 0) return failed("stream-ingest --test-pattern", made);
  const Ran encoded = run_command({ladder, "-q", "-i", clip, "-o", scratch.path() + "/hls",
                                   "--rung", "720p@2800k", "--on-slow", "wait"},
                                  60s);
  if (encoded.code != 0) return failed("stream-ladder", encoded);
  return judge_encoder(encoded.cpu_seconds / kClip, cores);
}

std::vector<std::string> srt_libraries(const std::string& ldd_output) {
  std::vector<std::string> paths;
  std::istringstream lines(ldd_output);
  for (std::string line; std::getline(lines, line);) {
    if (line.find("libsrt-") == line.npos && line.find("libsrt.") == line.npos) continue;
    const size_t arrow = line.find("=> ");
    if (arrow == line.npos || line.find("not found") != line.npos) continue;
    const std::string path = first_word(line.substr(arrow + 3));
    if (std::find(paths.begin(), paths.end(), path) == paths.end()) paths.push_back(path);
  }
  return paths;
}

Finding judge_srt(const std::vector<std::string>& paths, const std::string& package,
                  const std::string& version, bool outdated) {
  if (paths.empty())
    return {"srt.library", State::kFail, "stream-ingest loads no libsrt, or one that is not there",
            "install the package that it was built with"};
  std::string all;
  for (const std::string& path : paths) all += (all.empty() ? "" : ", ") + escaped(path, 200);
  if (paths.size() > 1)
    return {"srt.library", State::kFail, "two flavours in one process corrupt each other: " + all,
            "build with the flavour that libavformat loads: libsrt-gnutls-dev"};
  const std::string flavour = all.find("gnutls") != all.npos    ? "GnuTLS"
                              : all.find("openssl") != all.npos ? "OpenSSL"
                                                                : "unknown";
  if (package.empty())
    return {"srt.library", State::kWarn, all + " (" + flavour + ") is of no package",
            "take it from Debian's security suite: versions before 1.5.6 need patches"};
  const std::string seen = package + " " + version + " (" + flavour + ")";
  if (outdated)
    return {"srt.library", State::kFail, seen + " lacks security patches",
            "apt-get update, apt-get install " + package + ", start the streams again"};
  return {"srt.library", State::kOk, seen, {}};
}

Finding check_srt(const std::string& program) {
  const auto paths = srt_libraries(run_command({"ldd", program}, 20s).output);
  std::string package, version;
  bool outdated = false;
  if (paths.size() == 1) {
    std::error_code error;
    const std::string real = std::filesystem::canonical(paths[0], error).string();
    package = first_word(run_command({"dpkg-query", "-S", real}, 20s).output);
    if (!package.empty())
      version =
          first_word(run_command({"dpkg-query", "-W", "-f", "${Version}\n", package}, 20s).output);
    outdated =
        !version.empty() &&
        run_command({"dpkg", "--compare-versions", version, "lt", kPatchedSrt}, 20s).code == 0;
  }
  return judge_srt(paths, package, version, outdated);
}

}  // namespace stream::doctor

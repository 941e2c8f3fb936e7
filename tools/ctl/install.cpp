// install: writes the units of examples/systemd where the service manager looks for them.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/run.h"
#include "observe.h"
#include "os/atomic_file.h"
#include "os/child.h"
#include "os/dirs.h"
#include "os/fd.h"
#include "units.h"

namespace stream::ctl {
namespace {

using Json = nlohmann::json;

struct InstallOptions {
  std::string dir;
  bool user = false, system = false, dry_run = false;
};

// Settings that a user's service manager has no right to, or that are for the user `stream`.
constexpr std::string_view kSystemOnly[] = {
    "User=",
    "Group=",
    "CapabilityBoundingSet=",
    "AmbientCapabilities=",
    "Protect",
    "Private",
    "ProcSubset=",
    "RemoveIPC=",
    "ReadWritePaths",
    "StateDirectory",
    "ConfigurationDirectory",
    "Environment=STREAM_RUNTIME_DIR",
    "LoadCredential=",
    "LimitNOFILE=",
    "IPAddress",
    "Wants=network-online",
    "After=network",
    "RestrictNames",
    "RestrictRealtime",
    "RestrictSUIDSGID",
};

void replace(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size())
    text.replace(at, from.size(), to);
}

std::string for_user(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end);
    bool drop = false;
    for (const std::string_view begin : kSystemOnly) drop |= line.starts_with(begin);
    if (!drop) out += line;
  }
  // %E is the user's configuration, %S the state that systemd 254 and newer means by it.
  replace(out, "/etc/stream/", "%E/stream/");
  replace(out, "WantedBy=multi-user.target", "WantedBy=default.target");
  return out;
}

// Where this program is, when the others are there too.
std::string program_dir() {
  const std::string path = os::find_program("stream-ctl");
  const size_t slash = path.rfind('/');
  return slash == path.npos ? "/usr/bin/" : path.substr(0, slash + 1);
}

std::string place_of(const InstallOptions& o, std::string_view name) {
  const std::string stem(name.substr(0, name.rfind('.')));
  if (name.ends_with(".sysusers")) return o.dir + "/etc/sysusers.d/" + stem + ".conf";
  if (name.ends_with(".tmpfiles")) return o.dir + "/etc/tmpfiles.d/" + stem + ".conf";
  if (!o.user) return o.dir + "/etc/systemd/system/" + std::string(name);
  std::string base = o.dir + "/etc/systemd/user/";
  if (o.dir.empty()) {
    const char* config = std::getenv("XDG_CONFIG_HOME");
    const char* home = std::getenv("HOME");
    if (!(config && *config) && !(home && *home))
      throw Error(Exit::kUsage, "usage.missing",
                  "neither HOME nor XDG_CONFIG_HOME says where units belong", "give --dir DIR");
    base = (config && *config ? std::string(config) : std::string(home) + "/.config") +
           "/systemd/user/";
  }
  return base + std::string(name);
}

std::string unit_text(const InstallOptions& o, const UnitFile& unit, const std::string& bin) {
  std::string text = o.user ? for_user(unit.text) : std::string(unit.text);
  replace(text, "=/usr/bin/stream-", "=" + bin + "stream-");
  return text;
}

bool is_already(const std::string& path, const std::string& text) {
  if (::access(path.c_str(), F_OK) != 0) return false;
  return os::read_file(path) == text;
}

int install(InstallOptions o, const cli::Context& context) {
  if (!o.user && !o.system) o.user = ::geteuid() != 0;
  const std::string bin = program_dir();
  Json files = Json::array();
  size_t changed = 0;
  for (const UnitFile& unit : unit_files()) {
    if (o.user && !unit.name.ends_with(".service") && !unit.name.ends_with(".timer") &&
        !unit.name.ends_with(".socket") && !unit.name.ends_with(".slice") &&
        !unit.name.ends_with(".target"))
      continue;
    const std::string path = place_of(o, unit.name);
    const std::string text = unit_text(o, unit, bin);
    const bool differs = !is_already(path, text);
    changed += differs;
    if (differs && !o.dry_run) {
      std::error_code error;
      std::filesystem::create_directories(path.substr(0, path.rfind('/')), error);
      if (error) throw_errno("make the directory of", path, error.value());
      os::write_file(path, text, os::Sync::kYes);
    }
    files.push_back({{"path", path}, {"changed", differs}});
    if (!context.json()) context.print(path + (differs ? "" : "  (as it is)") + "\n");
  }
  if (context.json())
    context.print_json({{"schema", "stream.ctl.install/1"},
                        {"mode", o.user ? "user" : "system"},
                        {"dry_run", o.dry_run},
                        {"files", files}});
  else if (o.dry_run)
    context.confirm(std::to_string(changed) + " files would be written");
  else if (o.user)
    context.confirm(
        "next: systemctl --user daemon-reload; systemctl --user enable --now stream@NAME");
  else
    context.confirm(
        "next: systemd-sysusers; systemd-tmpfiles --create; systemctl daemon-reload; systemctl "
        "enable --now stream.target stream-hooks.timer stream-archive.timer stream@NAME");
  return 0;
}

}  // namespace

cli::Command install_command() {
  const auto options = std::make_shared<InstallOptions>();
  cli::Command verb("install", "write units for systemd");
  verb.description(
      "Writes stream@.service, which runs CONFIG/NAME.yaml by stream-ctl up, "
      "stream-session@.service with its timer, which does so only while a session of its schedule "
      "is due, stream-ingest.service for one ingest of all streams, with stream-ingest.socket that "
      "may listen for it, stream-metrics.service, stream-archive-prune.service, "
      "stream-archive.service and stream-hooks.service with their timers, stream.slice, "
      "stream.target and what makes the user stream and its directories. The services are closed "
      "in: systemd-analyze security says what "
      "they may. Nothing is "
      "enabled and nothing started; files that are so already are left alone.\n\n"
      "For a user's own service manager, what only the system's can grant is left out, and no "
      "user is made.");
  verb.option("--dir", options->dir, "DIR", "a directory that stands for /, for packages")
      .completes(cli::Completion::kDirectory);
  verb.flag("--system", options->system, "for the system's service manager (default for root)");
  verb.flag("--user", options->user, "for the user's service manager (default for others)")
      .excludes("--system");
  verb.flag("-n,--dry-run", options->dry_run, "say what would be written");
  verb.run([options](cli::Context& context) { return install(*options, context); });
  return verb;
}

}  // namespace stream::ctl

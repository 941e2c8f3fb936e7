// doctor: whether this machine, and what stream files name, are fit for streams.
#include <algorithm>
#include <memory>
#include <set>
#include <thread>

#include "base/error.h"
#include "base/time.h"
#include "base/url.h"
#include "cli/run.h"
#include "doctor/machine.h"
#include "doctor/reach.h"
#include "observe.h"
#include "os/child.h"
#include "os/dirs.h"
#include "streams/file.h"

namespace stream::ctl {
namespace {

using doctor::Findings;

struct DoctorOptions {
  std::vector<std::string> files, certificates, hosts, dirs, open_ports;
  std::vector<uint16_t> ports;
  ByteSize min_free{10ULL << 30};
  bool quick = false;
  std::string root;
};

constexpr const char* kPrograms[] = {"stream-ingest",    "stream-ladder", "stream-record",
                                     "stream-simulcast", "stream-serve",  "stream-keys",
                                     "stream-archive"};

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

struct Port {
  std::string address;
  uint16_t number;
  bool udp;
  bool operator<(const Port& o) const {
    return std::tie(number, udp, address) < std::tie(o.number, o.udp, o.address);
  }
};

// What there is to look at, each once.
struct Subjects {
  std::set<Port> ports;
  std::set<std::string> dirs, private_files, hosts;

  void add_listen(const std::string& text, uint16_t usual) {
    const auto url = parse_url(text);
    if (!url) return;
    const auto port = url->port ? url->port : usual;
    ports.insert({url->host, port, url->scheme.starts_with("srt")});
  }
  void add(const streams::File& file) {
    const streams::Part& input = *file.find("input");
    if (const auto* listen = input.find("listen"))
      for (const std::string& address : listen->values) add_listen(address, 1935);
    if (const std::string key = input.value("key_file"); !key.empty()) private_files.insert(key);
    if (const auto* serve = file.find("serve")) add_listen(serve->value("listen"), 80);
    for (const char* section : {"ladder", "record"})
      if (const auto* part = file.find(section); part && part->find("output"))
        dirs.insert(part->value("output"));
    for (const streams::Destination& d : file.destinations) {
      if (const auto url = parse_url(d.url)) hosts.insert(url->host);
      for (const std::string& source : {d.url, d.key})
        if (source.starts_with("@file:")) private_files.insert(source.substr(6));
    }
  }
};

Subjects subjects_of(const DoctorOptions& o) {
  Subjects s;
  for (const std::string& path : o.files) s.add(streams::load_file(path));
  for (const uint16_t port : o.ports) s.ports.insert({"0.0.0.0", port, false});
  s.dirs.insert(o.dirs.begin(), o.dirs.end());
  s.hosts.insert(o.hosts.begin(), o.hosts.end());
  if (o.files.empty() && o.ports.empty())
    for (const uint16_t port : {uint16_t{1935}, uint16_t{8080}})
      s.ports.insert({"0.0.0.0", port, false});
  const std::string state = os::state_dir();
  if (s.dirs.empty()) s.dirs.insert(state);
  for (const char* name : {"/ingest-keys", "/vault"})
    if (exists(state + name)) s.private_files.insert(state + name);
  return s;
}

void add_programs(const DoctorOptions& o, Findings& findings) {
  std::vector<std::string> missing;
  for (const char* name : kPrograms)
    if (os::find_program(name).empty()) missing.emplace_back(name);
  findings.push_back(doctor::check_programs(missing));
  const std::string ingest = os::find_program("stream-ingest");
  const std::string ladder = os::find_program("stream-ladder");
  if (!ingest.empty()) findings.push_back(doctor::check_srt(ingest));
  if (!o.quick && !ingest.empty() && !ladder.empty())
    findings.push_back(
        doctor::check_encoder(ingest, ladder, std::max(1u, std::thread::hardware_concurrency())));
}

Findings examine(const DoctorOptions& o) {
  const Subjects subjects = subjects_of(o);
  Findings findings;
  add_programs(o, findings);
  findings.push_back(doctor::check_descriptors());
  findings.push_back(doctor::check_udp_buffers(o.root));
  findings.push_back(doctor::check_clock(doctor::read_clock()));
  for (const Port& port : subjects.ports)
    findings.push_back(doctor::check_port(port.address, port.number, port.udp));
  for (const std::string& text : o.open_ports)
    findings.push_back(doctor::check_public(o.root, doctor::parse_public(text)));
  for (const std::string& path : o.certificates)
    findings.push_back(doctor::check_certificate(path, wall_now()));
  for (const std::string& path : subjects.private_files)
    findings.push_back(doctor::check_private_file(path));
  for (const std::string& dir : subjects.dirs) {
    findings.push_back(doctor::check_space(dir, o.min_free));
    if (!o.quick) findings.push_back(doctor::check_disk_speed(dir));
  }
  for (const std::string& host : subjects.hosts) findings.push_back(doctor::check_name(host));
  return findings;
}

int run(const DoctorOptions& options, const cli::Context& context) {
  const Findings findings = examine(options);
  if (context.json())
    context.print(nlohmann::ordered_json{{"schema", "stream.ctl.doctor/1"},
                                         {"checks", doctor::to_json(findings)}}
                      .dump() +
                  "\n");
  else
    context.print(doctor::to_text(findings));
  return doctor::any_failed(findings) ? static_cast<int>(Exit::kNo) : 0;
}

}  // namespace

cli::Command doctor_command() {
  const auto o = std::make_shared<DoctorOptions>();
  cli::Command verb("doctor", "look for what will make streams fail on this machine");
  verb.description(
      "Prints a check per line: ok, warn or fail, its name, what was seen and what to do. Looks at "
      "the programs, the package and flavour of libsrt, how many rungs the processor encodes, "
      "limits, UDP buffers, the clock, ports and who holds them, certificates, the permissions of "
      "key files and vault, ports that are to be reached from outside (as far as this machine "
      "knows: nothing is sent anywhere), free space and speed of the disk, names in DNS. With "
      "stream files it "
      "is their ports, files, directories and destinations. Exits with 1 when a check failed. "
      "Nothing is changed; it takes some seconds, most of them for encoding.");
  verb.example("stream-ctl doctor stream.yaml",
               "Look at all that a stream needs before it is on air");
  verb.positional("FILE", o->files, "stream files").completes(cli::Completion::kFile);
  verb.option("--port", o->ports, "PORT", "a TCP port that must be free or ours");
  verb.option("--public", o->open_ports, "[HOST:]PORT[/udp]",
              "where others come to from outside; what listens must not be for this machine alone");
  verb.option("--cert", o->certificates, "FILE", "a certificate that must be in date")
      .completes(cli::Completion::kFile);
  verb.option("--host", o->hosts, "NAME", "a name that must be known");
  verb.option("--dir", o->dirs, "DIR", "a directory that recordings go to")
      .completes(cli::Completion::kDirectory);
  verb.option("--min-free", o->min_free, "SIZE", "that its disk should have; a tenth is a must");
  verb.flag("--quick", o->quick, "leave out what takes time: encoding, and writing to disk");
  verb.option("--root", o->root, "DIR", "where /proc is, for tests").hidden().command_line_only();
  verb.check([o] {
    for (const std::string& text : o->open_ports) doctor::parse_public(text);
  });
  verb.run(cli::predicate([o](cli::Context& context) { return run(*o, context); }));
  return verb;
}

}  // namespace stream::ctl

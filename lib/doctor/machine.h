// What a machine must give for streams to be safe on it. Each check looks (or is told what was
// seen) and judges; none changes anything that stays. Blocking.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/units.h"
#include "doctor/finding.h"

namespace stream::doctor {

// --- limits and settings of the system. `root` stands for / in paths of /proc.
Finding check_descriptors(uint64_t soft, uint64_t hard);
Finding check_descriptors();
Finding check_udp_buffers(const std::string& root);

struct Clock {
  bool known = false, synchronised = false;
  double error_seconds = 0;  // the kernel's bound
  std::chrono::system_clock::time_point now;
};
Clock read_clock();
Finding check_clock(const Clock& clock);

// --- the disk of a directory, or of the nearest one above it that exists.
Finding check_space(const std::string& dir, ByteSize wanted);
// Writes 32 MiB to a file without a name and syncs it.
Finding check_disk_speed(const std::string& dir);
Finding judge_disk_speed(const std::string& dir, double bytes_per_second);

// --- files and the network.
Finding check_private_file(const std::string& path);
Finding check_certificate(const std::string& path, std::chrono::system_clock::time_point now);
Finding check_port(const std::string& address, uint16_t port, bool udp);
Finding check_name(const std::string& host);  // DNS

// --- the programs. `find` gives the path of one, empty when it is nowhere.
Finding check_programs(const std::vector<std::string>& missing);
// Encodes two seconds of 720p30 by stream-ladder and reckons how many such rungs go at once.
Finding check_encoder(const std::string& ingest, const std::string& ladder, unsigned cores);
Finding judge_encoder(double cores_per_rung, unsigned cores);
// The libsrt that `program` loads, of which package, in which flavour.
Finding check_srt(const std::string& program);
std::vector<std::string> srt_libraries(const std::string& ldd_output);  // paths, each once
Finding judge_srt(const std::vector<std::string>& paths, const std::string& package,
                  const std::string& version, bool outdated);

}  // namespace stream::doctor

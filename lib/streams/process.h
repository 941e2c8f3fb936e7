// The processes that make a stream what its file says, each with its argument vector. Pure.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "streams/file.h"

namespace stream::streams {

struct Process {
  std::string tool;               // "ingest": the program stream-ingest, one of each per stream
  std::vector<std::string> argv;  // of argv[0] on; holds no secret
  bool reads_media = false;       // started once the stream is on the bus
  bool stores = false;            // takes away what others made: runs whatever they do
  bool operator==(const Process&) const = default;
};

// In the order in which they are started. The destinations of stream-simulcast are not among its
// arguments: they are set over its control socket, so that a change of one leaves the others alone.
std::vector<Process> processes(const File& file);

// What takes a stream's recordings and its live output to its archive, until all that is there now
// has arrived; nullopt: it has no archive.
std::optional<Process> archive_once(const File& file);

// What applying `after` to a stream that runs as `before` does.
struct Difference {
  std::vector<std::string> started, ended, restarted;               // tools
  std::vector<std::string> destinations_set, destinations_removed;  // names
  bool other = false;                                               // the title and the like
  bool empty() const;
};
Difference difference(const File& before, const File& after);

}  // namespace stream::streams

// What a stream needs of a machine: CPU, uplink, disk. Reckoned from figures that were measured,
// figures() says which and how. Pure.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "streams/process.h"

namespace stream::streams {

struct Figure {
  std::string_view name, unit, source;
  double value;
};
std::span<const Figure> figures();

struct Need {
  std::string tool;
  double cores = 0;       // of this kind of CPU, one being fully used
  double up_bps = 0;      // sent to destinations
  double disk_bytes = 0;  // written per hour and kept
};

struct Estimate {
  double input_bps = 0;
  std::vector<Need> needs;  // one per process
  Need total() const;
};

Estimate estimate(const File& file);

}  // namespace stream::streams

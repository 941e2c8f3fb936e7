// The time zones of this machine: the files of tzdata under TZDIR or the usual places.
#pragma once
#include <string>

#include "base/time_zone.h"

namespace stream::os {

// "Europe/Berlin". "UTC" is known without a file. Throws Error kConfig "zone.unknown" with the
// nearest that is there.
TimeZone load_zone(const std::string& name);

}  // namespace stream::os

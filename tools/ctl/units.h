// The files of examples/systemd, compiled in.
#pragma once
#include <span>
#include <string_view>

namespace stream::ctl {

struct UnitFile {
  std::string_view name, text;
};
std::span<const UnitFile> unit_files();

}  // namespace stream::ctl

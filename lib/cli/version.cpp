#include "cli/version.h"

#include <boost/version.hpp>
#include <nlohmann/json.hpp>

#ifndef STREAM_VERSION
#error "the build gives STREAM_VERSION"
#endif
#ifndef STREAM_COMMIT
#define STREAM_COMMIT ""
#endif

namespace stream::cli {

std::string version_number() {
  return STREAM_VERSION;
}

std::string version_text(const Command& root, bool json) {
  using Json = nlohmann::ordered_json;
  if (!json) return root.name() + " " + STREAM_VERSION + "\n";
  const std::string commit = STREAM_COMMIT;
  Json libraries{{"boost", std::to_string(BOOST_VERSION / 100000) + "." +
                               std::to_string(BOOST_VERSION / 100 % 1000) + "." +
                               std::to_string(BOOST_VERSION % 100)},
                 {"nlohmann-json", std::to_string(NLOHMANN_JSON_VERSION_MAJOR) + "." +
                                       std::to_string(NLOHMANN_JSON_VERSION_MINOR) + "." +
                                       std::to_string(NLOHMANN_JSON_VERSION_PATCH)}};
  for (const Example& library : root.libraries()) libraries[library.command_line] = library.what;
  return Json{{"schema", "stream.version/1"},
              {"name", root.name()},
              {"version", STREAM_VERSION},
              {"commit", commit.empty() ? Json(nullptr) : Json(commit)},
              {"compiler", __VERSION__},
              {"libraries", libraries}}
             .dump() +
         "\n";
}

}  // namespace stream::cli

#include <nlohmann/json.hpp>

#include "ctl.h"
#include "registry.h"
#include "streams/coming.h"
#include "streams/file.h"

namespace stream::ctl {

int show(const Options& options, const cli::Context& context) {
  const streams::File file = read_given(options.file).file;
  const streams::Coming coming = coming_of(file);
  if (context.json()) {
    context.print_json({{"schema", "stream.ctl.show/1"},
                        {"file", streams::to_json(file)},
                        {"next_session", coming.json}});
  } else {
    context.print(streams::to_yaml(file));
    if (!coming.text.empty()) context.confirm(coming.text);
  }
  return 0;
}

}  // namespace stream::ctl

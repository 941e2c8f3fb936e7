#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "cli/terminal.h"
#include "ctl.h"
#include "registry.h"
#include "streams/coming.h"
#include "streams/file.h"

namespace stream::ctl {

int check(const Options& options, const cli::Context& context) {
  if (options.files.empty())
    throw Error(Exit::kUsage, "usage.missing", "no stream file is given",
                "for example stream-ctl check stream.yaml");
  nlohmann::json good = nlohmann::json::array();
  std::optional<Error> first;
  size_t wrong = 0;
  for (const std::string& path : options.files) {
    try {
      const streams::File file = streams::load_file(path);
      const streams::Coming coming = coming_of(file);
      good.push_back({{"path", path}, {"stream", file.name}, {"next_session", coming.json}});
      context.confirm(path + ": stream '" + file.name + "' is right" +
                      (coming.text.empty() ? "" : "; " + coming.text));
    } catch (const Error& e) {
      ++wrong;
      if (!first) first = e;
      if (options.files.size() > 1 && !context.json())
        cli::write_stderr(std::string(e.what()) + (e.hint().empty() ? "" : " (" + e.hint() + ")") +
                          "\n");
    }
  }
  if (wrong > 1 || (wrong && !good.empty()))
    throw Error(first->code(), first->id(),
                std::to_string(wrong) + " of " + std::to_string(options.files.size()) +
                    " files are wrong; the first: " + first->what(),
                first->hint());
  if (first) throw *first;
  if (context.json()) context.print_json({{"schema", "stream.ctl.check/1"}, {"files", good}});
  return 0;
}

}  // namespace stream::ctl

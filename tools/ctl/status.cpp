#include <nlohmann/json.hpp>

#include "ask.h"
#include "base/error.h"
#include "base/text.h"
#include "ctl.h"

namespace stream::ctl {
namespace {

using Json = nlohmann::json;

std::string plain(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

// "ladder: running" and its fields below it, nested ones by their path.
void describe(const Json& value, const std::string& path, std::string& out) {
  for (const auto& [key, field] : value.items()) {
    const std::string name = path + key;
    if (field.is_structured() && !field.empty())
      describe(field, name + ".", out);
    else
      out += "  " + escaped(name) + ": " + escaped(plain(field), 500) + "\n";
  }
}

}  // namespace

int status(const Options& options, const cli::Context& context) {
  const Answers answers =
      ask_status(options.name, tools_of(options.name, options.tool, options.wait));
  if (context.json()) {
    context.print_json({{"schema", "stream.ctl.status/1"},
                        {"stream", options.name},
                        {"tools", answers.tools},
                        {"failed", answers.failed}});
  } else {
    std::string text;
    for (Json tool : answers.tools) {
      text += escaped(tool.value("tool", "")) + ": " + escaped(tool.value("state", "")) + "\n";
      for (const char* shown : {"schema", "tool", "state", "stream"}) tool.erase(shown);
      describe(tool, "", text);
    }
    for (const Json& tool : answers.failed)
      text += escaped(plain(tool["tool"])) + ": " + escaped(plain(tool["message"]), 500) + "\n";
    context.print(text);
  }
  if (answers.failed.empty()) return 0;
  return static_cast<int>(answers.tools.empty() ? Exit::kTimeout : Exit::kPartial);
}

}  // namespace stream::ctl

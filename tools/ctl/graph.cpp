// graph: the running pipeline of a stream as text, for Graphviz or as JSON.
#include "observe/graph.h"

#include <algorithm>
#include <memory>

#include "cli/run.h"
#include "ctl.h"
#include "observe.h"

namespace stream::ctl {
namespace {

struct GraphOptions {
  std::string name;
  bool dot = false;
};

// Who reads the stream may be a program of another one: stream-record -i bus:demo/720p is
// demo-720p.
int graph(const GraphOptions& options, const cli::Context& context) {
  tools_of(options.name, "");
  std::vector<observe::Answer> all = observe::gather();
  const auto others = std::stable_partition(
      all.begin(), all.end(), [&](const auto& one) { return one.stream == options.name; });
  const std::vector<observe::Answer> own(all.begin(), others);
  const observe::Graph graph = observe::graph_of(options.name, own, [&](pid_t pid) {
    const auto one = std::find_if(others, all.end(), [pid](const auto& a) { return a.pid == pid; });
    return one == all.end() ? observe::process_name(pid)
                            : "stream-" + one->tool + " of " + one->stream;
  });
  if (context.json())
    context.print_json(to_json(graph));
  else
    context.print(options.dot ? observe::graph_dot(graph) : observe::graph_text(graph));
  return 0;
}

}  // namespace

cli::Command graph_command() {
  const auto options = std::make_shared<GraphOptions>();
  cli::Command verb("graph", "draw the running pipeline of a stream");
  verb.description(
      "Draws from what the programs say of themselves: the publishers, stream-ingest, the bus, the "
      "programs that read it, and the renditions, recordings and destinations they feed, with "
      "those "
      "who read a rung of the ladder below that rung (stream-ladder --bus). An arrow "
      "-> says that media flows, -x that something belongs there and gets none.");
  verb.positional("NAME", options->name, "the stream").completes(cli::Completion::kStream);
  verb.flag("--dot", options->dot, "print it in the language of Graphviz");
  verb.run([options](cli::Context& context) { return graph(*options, context); });
  return verb;
}

}  // namespace stream::ctl

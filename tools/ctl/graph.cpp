// graph: the running pipeline of a stream as text, for Graphviz or as JSON.
#include "observe/graph.h"

#include <memory>

#include "cli/run.h"
#include "observe.h"

namespace stream::ctl {
namespace {

struct GraphOptions {
  std::string name;
  bool dot = false;
};

int graph(const GraphOptions& options, const cli::Context& context) {
  const observe::Graph graph = observe::graph_of(options.name, gather_named(options.name));
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
      "programs that read it, and the renditions, recordings and destinations they feed. An arrow "
      "-> says that media flows, -x that something belongs there and gets none.");
  verb.positional("NAME", options->name, "the stream").completes(cli::Completion::kStream);
  verb.flag("--dot", options->dot, "print it in the language of Graphviz");
  verb.run([options](cli::Context& context) { return graph(*options, context); });
  return verb;
}

}  // namespace stream::ctl

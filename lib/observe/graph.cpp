#include "observe/graph.h"

#include <algorithm>
#include <cstdio>
#include <set>
#include <utility>

#include "base/text.h"
#include "observe/read.h"

namespace stream::observe {
namespace {

std::string kbit_text(std::optional<double> bps) {
  if (!bps || *bps <= 0) return "";
  char text[32];
  std::snprintf(text, sizeof text, "%.0f kbit/s", *bps / 1000);
  return text;
}

std::string readers_text(size_t count) {
  return std::to_string(count) + (count == 1 ? " reader" : " readers");
}

// Said, and said to be none: an older program may not speak of it.
bool has_no(const Json& status, const char* member) {
  const auto it = status.is_object() ? status.find(member) : status.end();
  return it != status.end() && it->is_null();
}

std::string joined(std::string a, const std::string& b) {
  if (!a.empty() && !b.empty()) a += ", ";
  return a + b;
}

class Maker {
 public:
  Maker(const std::string& stream, const std::vector<Answer>& answers, const Who& who)
      : answers_(answers), who_(who) {
    graph_.stream = stream;
    for (const Answer& answer : answers)
      for (const Json& rung : list(answer.status, "/rungs"))
        for (const Json& reader : list(rung, "/bus/readers"))
          reads_rungs_.insert(whole(reader, "/pid"));
  }

  Graph make() {
    if (const Answer* ingest = find("ingest")) add_ingest(*ingest);
    for (const Answer& answer : answers_)
      if (answer.tool != "ingest" && answer.tool != "ctl" && answer.tool != "serve" &&
          answer.tool != "archive")
        add_reader(answer);
    if (const Answer* serve = find("serve")) {
      add_program(*serve, std::to_string(whole(serve->status, "/connections")) + " connections");
      const Answer* ladder = find("ladder");
      if (ladder && !has_no(ladder->status, "output") && !has_no(serve->status, "hls"))
        link("ladder", "serve", true);
      if (reads_bus_.count(serve->pid)) link("bus", "serve", true);
    }
    if (const Answer* archive = find("archive")) {
      add_program(*archive, archive_detail(archive->status));
      // Beside what it takes most from.
      const char* from = at(archive->status, "/recordings").is_null() ? "ladder" : "record";
      if (find(from)) link(from, "archive", true);
    }
    return std::move(graph_);
  }

 private:
  const Answer* find(const std::string& tool) const {
    const auto it = std::find_if(answers_.begin(), answers_.end(),
                                 [&](const Answer& a) { return a.tool == tool; });
    return it == answers_.end() ? nullptr : &*it;
  }

  void link(const std::string& from, const std::string& to, bool flows) {
    if (linked_.insert({from, to}).second) graph_.edges.push_back({from, to, flows});
  }

  void add(GraphNode node, const std::string& from, bool flows) {
    if (!ids_.insert(node.id).second) return;
    if (!from.empty()) link(from, node.id, flows);
    graph_.nodes.push_back(std::move(node));
  }

  // Of the bus or of a rung. Programs of the stream itself have a node of their own.
  void add_readers(const Json& readers, const std::string& from) {
    for (const Json& reader : readers) {
      const pid_t pid = whole(reader, "/pid");
      const auto ours = std::find_if(answers_.begin(), answers_.end(),
                                     [pid](const Answer& a) { return a.pid == pid; });
      if (ours != answers_.end()) {
        // The graph has no cycle, whatever a program may say.
        if (from != "bus" && ours->tool != "ladder" && ours->tool != "ingest")
          link(from, ours->tool, true);
        continue;
      }
      const std::string name = "reader " + std::to_string(pid);
      add({name, "reader", joined(who_ ? who_(pid) : "", "process " + std::to_string(pid)), "", ""},
          "", false);
      link(from, name, true);
    }
  }

  void add_program(const Answer& answer, const std::string& detail) {
    add({answer.tool, "program", "stream-" + answer.tool,
         answer.up() ? text(answer.status, "/state") : "silent", detail},
        "", false);
  }

  void add_inputs(const Answer& ingest) {
    for (const Json& input : list(ingest.status, "/inputs")) {
      const std::string name = text(input, "/input");
      const bool on_air = truth(input, "/on_air");
      add({"input " + name, "input", name,
           on_air                  ? "on air"
           : truth(input, "/live") ? "live"
                                   : "waiting",
           text(input, "/publisher/protocol")},
          "", false);
      link("input " + name, "ingest", on_air);
    }
    if (at(ingest.status, "/inputs").is_array()) return;
    const bool live = truth(ingest.status, "/live");
    add({"input main", "input", "publisher", live ? "live" : "waiting",
         text(ingest.status, "/publisher/protocol")},
        "", false);
    link("input main", "ingest", live);
  }

  void add_ingest(const Answer& ingest) {
    add_inputs(ingest);
    std::optional<double> bps;
    std::string codecs;
    for (const Json& track : list(ingest.status, "/tracks")) {
      bps = bps.value_or(0) + number(track, "/bit_rate_bps").value_or(0);
      codecs = joined(std::move(codecs), text(track, "/codec"));
    }
    add_program(ingest, joined(codecs, kbit_text(bps)));
    const Json& readers = list(ingest.status, "/readers");
    add({"bus", "bus", "bus:" + graph_.stream, "", readers_text(readers.size())}, "ingest",
        truth(ingest.status, "/live"));
    for (const Json& reader : readers) reads_bus_.insert(whole(reader, "/pid"));
    add_readers(readers, "bus");
  }

  void add_rung(const Json& rung, const std::string& tool) {
    const std::string name = text(rung, "/name"), id = "rendition " + name;
    const bool paused = truth(rung, "/paused");
    std::string detail = kbit_text(number(rung, "/average_bps"));
    const Json& readers = list(rung, "/bus/readers");
    if (at(rung, "/bus").is_object()) detail = joined(detail, readers_text(readers.size()));
    add({id, "rendition", name, paused ? "paused" : "", detail}, tool, !paused);
    add_readers(readers, id);
  }

  void add_reader(const Answer& answer) {
    std::string detail;
    if (const auto speed = number(answer.status, "/speed"); speed && answer.tool == "ladder") {
      char shown[32];
      std::snprintf(shown, sizeof shown, "speed %.2fx", *speed);
      detail = shown;
    }
    add_program(answer, detail);
    const bool reads = reads_bus_.count(answer.pid) > 0;
    if (ids_.count("bus") && (reads || !reads_rungs_.count(answer.pid)))
      link("bus", answer.tool, reads);
    for (const Json& rung : list(answer.status, "/rungs")) add_rung(rung, answer.tool);
    for (const Json& one : list(answer.status, "/destinations")) {
      const std::string state = text(one, "/state");
      add({"destination " + text(one, "/name"), "destination", text(one, "/name"), state,
           joined(kbit_text(number(one, "/out_bps")), text(one, "/last_error"))},
          answer.tool, state == "live" || state == "degraded");
    }
    if (const std::string path = text(answer.status, "/path");
        answer.tool == "record" && !path.empty())
      add({"recording", "recording", path, "", ""}, answer.tool,
          truth(answer.status, "/recording"));
  }

  const std::vector<Answer>& answers_;
  const Who& who_;
  Graph graph_;
  std::set<std::string> ids_;
  std::set<std::pair<std::string, std::string>> linked_;
  std::set<pid_t> reads_bus_, reads_rungs_;
};

std::string line_of(const GraphNode& node) {
  const std::string more = joined(node.state, node.detail);
  return escaped(node.label, 200) + (more.empty() ? "" : ": " + escaped(more, 300));
}

// The nodes that `from` feeds, below it. The graph has no cycle.
void draw(const Graph& graph, const std::string& from, const std::string& indent,
          std::string& out) {
  std::vector<const GraphEdge*> below;
  for (const GraphEdge& edge : graph.edges)
    if (edge.from == from) below.push_back(&edge);
  for (const GraphEdge* edge : below) {
    const bool last = edge == below.back();
    const auto node = std::find_if(graph.nodes.begin(), graph.nodes.end(),
                                   [&](const GraphNode& n) { return n.id == edge->to; });
    if (node == graph.nodes.end()) continue;
    out += indent + (edge->flows ? "+-> " : "+-x ") + line_of(*node) + "\n";
    draw(graph, node->id, indent + (last ? "    " : "|   "), out);
  }
}

std::string dot_quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : escaped(text, 300)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

}  // namespace

Graph graph_of(const std::string& stream, const std::vector<Answer>& answers, const Who& who) {
  return Maker(stream, answers, who).make();
}

std::string graph_text(const Graph& graph) {
  std::string out;
  const GraphNode* ingest = nullptr;
  for (const GraphNode& node : graph.nodes) {
    if (node.id == "ingest") ingest = &node;
    if (node.kind != "input") continue;
    const bool flows = std::any_of(graph.edges.begin(), graph.edges.end(), [&](const GraphEdge& e) {
      return e.from == node.id && e.flows;
    });
    out += line_of(node) + (flows ? " -->" : " --x") + "\n";
  }
  if (ingest) {
    out += line_of(*ingest) + "\n";
    draw(graph, "ingest", "", out);
  }
  // What no edge leads to: without ingest here, all of it.
  for (const GraphNode& node : graph.nodes) {
    if (&node == ingest || node.kind == "input") continue;
    if (std::any_of(graph.edges.begin(), graph.edges.end(),
                    [&](const GraphEdge& e) { return e.to == node.id; }))
      continue;
    out += line_of(node) + "\n";
    draw(graph, node.id, "", out);
  }
  return out;
}

std::string graph_dot(const Graph& graph) {
  std::string out =
      "digraph " + dot_quoted(graph.stream) + " {\n  rankdir=LR\n  node [shape=box]\n";
  for (const GraphNode& node : graph.nodes)
    out += "  " + dot_quoted(node.id) + " [label=" + dot_quoted(line_of(node)) +
           (node.kind == "bus"       ? ", shape=cds"
            : node.kind == "program" ? ""
                                     : ", shape=ellipse") +
           "]\n";
  for (const GraphEdge& edge : graph.edges)
    out += "  " + dot_quoted(edge.from) + " -> " + dot_quoted(edge.to) +
           (edge.flows ? "" : " [style=dashed]") + "\n";
  return out + "}\n";
}

Json to_json(const Graph& graph) {
  const auto or_null = [](const std::string& t) { return t.empty() ? Json(nullptr) : Json(t); };
  Json nodes = Json::array(), edges = Json::array();
  for (const GraphNode& n : graph.nodes)
    nodes.push_back({{"id", n.id},
                     {"kind", n.kind},
                     {"label", n.label},
                     {"state", or_null(n.state)},
                     {"detail", or_null(n.detail)}});
  for (const GraphEdge& e : graph.edges)
    edges.push_back({{"from", e.from}, {"to", e.to}, {"flows", e.flows}});
  return {{"schema", "stream.ctl.graph/1"},
          {"stream", graph.stream},
          {"nodes", nodes},
          {"edges", edges}};
}

}  // namespace stream::observe

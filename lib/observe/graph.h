// The running pipeline of one stream, from what its programs say: publishers, the bus, who reads
// it and the rungs of its ladder, what they make of it. Pure.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "observe/gather.h"

namespace stream::observe {

struct GraphNode {
  std::string id;      // "ladder", "destination youtube": unique in a graph
  std::string kind;    // input program bus rendition recording destination reader
  std::string label;   // "stream-ladder"
  std::string state;   // may be empty
  std::string detail;  // may be empty
};
struct GraphEdge {
  std::string from, to;
  bool flows;  // false: it belongs there and does not read
};
struct Graph {
  std::string stream;
  std::vector<GraphNode> nodes;  // each after what it reads from
  std::vector<GraphEdge> edges;
};

// What a process that is none of the stream's programs is called; empty: nobody knows.
using Who = std::function<std::string(pid_t)>;
Graph graph_of(const std::string& stream, const std::vector<Answer>& answers, const Who& who = {});

std::string graph_text(const Graph& graph);  // a tree, ASCII
std::string graph_dot(const Graph& graph);   // for Graphviz
Json to_json(const Graph& graph);

}  // namespace stream::observe

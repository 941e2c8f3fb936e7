#include "config/node.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <charconv>
#include <sstream>

#include "base/error.h"
#include "base/text.h"
#include "os/fd.h"

namespace stream::config {
namespace {

constexpr size_t kMaxText = 1 << 20;
constexpr size_t kMaxDepth = 32;

[[noreturn]] void fail_at(const std::string& file, int line, int column, const std::string& reason,
                          const std::string& hint) {
  throw Error(Exit::kConfig, "config.invalid",
              escaped(file, 300) + ":" + std::to_string(line) + ":" + std::to_string(column) +
                  ": " + reason,
              hint);
}

}  // namespace

// Builds the tree from the parser's events: yaml-cpp's own Node loses duplicate keys.
class Reader : public YAML::EventHandler {
 public:
  explicit Reader(std::shared_ptr<const std::string> file) : file_(std::move(file)) {}
  Node take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    add(make(mark, Node::Kind::kNull));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    make(mark, Node::Kind::kNull).fail("aliases (*name) are not accepted", "write the value out");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                const std::string& value) override {
    Node node = make(mark, Node::Kind::kScalar);
    if (tag != "?" && tag != "!" && !tag.empty()) node.fail("tags (!name) are not accepted");
    node.quoted_ = tag == "!";
    node.text_ = value;
    if (!node.quoted_ && (value == "null" || value == "~")) node.kind_ = Node::Kind::kNull;
    add(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    open(make(mark, Node::Kind::kList));
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    open(make(mark, Node::Kind::kMap));
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    Node node, key;
    bool has_key = false;
  };

  Node make(const YAML::Mark& mark, Node::Kind kind) const {
    Node node;
    node.file_ = file_;
    node.kind_ = kind;
    node.line_ = mark.line + 1;
    node.column_ = mark.column + 1;
    return node;
  }

  void open(Node node) {
    if (stack_.size() >= kMaxDepth) node.fail("more than 32 levels");
    stack_.push_back({std::move(node), {}, false});
  }

  void close() {
    Node node = std::move(stack_.back().node);
    stack_.pop_back();
    add(std::move(node));
  }

  void add(Node node) {
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& top = stack_.back();
    if (top.node.is_list()) {
      top.node.items_.push_back(std::move(node));
    } else if (!top.has_key) {
      if (!node.is_scalar()) node.fail("a key must be a word");
      if (const Node* first = top.node.find(node.text_))
        node.fail("'" + escaped(node.text_, 60) + "' was given before",
                  "it stands at " + first->position() + " already");
      top.key = std::move(node);
      top.has_key = true;
    } else {
      // An error about a value points at its key's line when the value is absent.
      if (node.is_null()) node.line_ = top.key.line_, node.column_ = top.key.column_;
      node.key_line_ = top.key.line_, node.key_column_ = top.key.column_;
      top.node.entries_.emplace_back(std::move(top.key.text_), std::move(node));
      top.has_key = false;
    }
  }

  std::shared_ptr<const std::string> file_;
  Node root_;
  std::vector<Open> stack_;
};

Node Node::load(const std::string& path) {
  std::string text;
  try {
    text = os::read_file(path, kMaxText);
  } catch (const Error& e) {
    // What is not there is no failure of ours: there is no configuration.
    if (e.code() != Exit::kNo) throw;
    throw Error(Exit::kConfig, e.id(), e.what(), e.hint());
  }
  return parse(text, path);
}

Node Node::parse(const std::string& text, const std::string& file_name) {
  const auto file = std::make_shared<const std::string>(file_name);
  Node empty;
  empty.file_ = file;
  Reader reader(file);
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(reader)) return empty;
    Node root = reader.take();
    Reader second(file);
    if (parser.HandleNextDocument(second))
      second.take().fail("a second document", "keep one document per file");
    if (!root.file_) root.file_ = file;
    return root;
  } catch (const YAML::Exception& e) {
    fail_at(file_name, e.mark.line + 1, e.mark.column + 1, e.msg, "");
  }
}

const std::string& Node::text() const {
  if (!is_scalar()) fail("expected a value");
  return text_;
}

int64_t Node::integer() const {
  int64_t value = 0;
  const char* last = text().data() + text_.size();
  const auto [end, error] = std::from_chars(text_.data(), last, value);
  if (error != std::errc() || end != last)
    fail("'" + escaped(text_, 60) + "' is not a whole number");
  return value;
}

double Node::number() const {
  double value = 0;
  const char* last = text().data() + text_.size();
  const auto [end, error] = std::from_chars(text_.data(), last, value);
  if (error != std::errc() || end != last) fail("'" + escaped(text_, 60) + "' is not a number");
  return value;
}

bool Node::boolean() const {
  for (const char* yes : {"true", "yes", "on"})
    if (text() == yes) return true;
  for (const char* no : {"false", "no", "off"})
    if (text_ == no) return false;
  fail("'" + escaped(text_, 60) + "' is not true or false");
}

const std::vector<Node>& Node::items() const {
  if (!is_list()) fail("expected a list");
  return items_;
}

const std::vector<std::pair<std::string, Node>>& Node::entries() const {
  if (!is_map()) fail("expected 'name: value' lines");
  return entries_;
}

const Node* Node::find(std::string_view key) const {
  for (const auto& [name, value] : entries())
    if (name == key) return &value;
  return nullptr;
}

const Node& Node::at(std::string_view key) const {
  if (const Node* node = find(key)) return *node;
  fail("'" + std::string(key) + "' is missing");
}

void Node::only(std::span<const std::string> known) const {
  for (const auto& [name, value] : entries()) {
    bool found = false;
    for (const std::string& word : known) found = found || word == name;
    if (found) continue;
    const auto right = nearest(name, known);
    fail_at(file_ ? *file_ : std::string(), value.key_line_, value.key_column_,
            "unknown key '" + escaped(name, 60) + "'", right ? "did you mean " + *right + "?" : "");
  }
}

void Node::only(std::initializer_list<std::string> known) const {
  only(std::span<const std::string>(known.begin(), known.size()));
}

std::string Node::position() const {
  return (file_ ? *file_ : std::string()) + ":" + std::to_string(line_) + ":" +
         std::to_string(column_);
}

void Node::fail(const std::string& reason, const std::string& hint) const {
  fail_at(file_ ? *file_ : std::string(), line_, column_, reason, hint);
}

}  // namespace stream::config

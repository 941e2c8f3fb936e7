// A YAML document read strictly: duplicate keys, aliases and tags are errors, and every value knows
// the line and column it stands at. Immutable; at most 1 MiB of text and 32 levels.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stream::config {

class Node {
 public:
  // Both throw Error kConfig "config.invalid" with "FILE:LINE:COLUMN: reason"; load also what
  // os::read_file throws.
  static Node load(const std::string& path);
  static Node parse(const std::string& text, const std::string& file_name);

  bool is_scalar() const { return kind_ == Kind::kScalar; }
  bool is_list() const { return kind_ == Kind::kList; }
  bool is_map() const { return kind_ == Kind::kMap; }
  bool is_null() const { return kind_ == Kind::kNull; }

  // Each fails with the position when the value is of another kind.
  const std::string& text() const;
  int64_t integer() const;
  double number() const;
  bool boolean() const;
  const std::vector<Node>& items() const;
  const std::vector<std::pair<std::string, Node>>& entries() const;

  const Node* find(std::string_view key) const;  // of a map; nullptr when absent
  const Node& at(std::string_view key) const;    // fails when absent
  // Fails for the first key that is not in `known`, with the nearest that is.
  void only(std::span<const std::string> known) const;
  void only(std::initializer_list<std::string> known) const;

  std::string position() const;  // "FILE:LINE:COLUMN"
  // Throws Error kConfig "config.invalid": "FILE:LINE:COLUMN: reason".
  [[noreturn]] void fail(const std::string& reason, const std::string& hint = {}) const;

 private:
  enum class Kind { kNull, kScalar, kList, kMap };
  friend class Reader;
  Kind kind_ = Kind::kNull;
  bool quoted_ = false;
  std::shared_ptr<const std::string> file_;
  int line_ = 1, column_ = 1;
  int key_line_ = 0, key_column_ = 0;  // of the key, for the value of a map
  std::string text_;
  std::vector<Node> items_;
  std::vector<std::pair<std::string, Node>> entries_;
};

}  // namespace stream::config

#include "streams/file.h"

namespace stream::streams {
namespace {

// Plain where YAML takes it for nothing else, else in quotes.
std::string scalar(const Json& value) {
  if (!value.is_string()) return value.dump();
  const std::string& text = value.get_ref<const std::string&>();
  const bool plain = !text.empty() &&
                     text.find_first_not_of(
                         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                         "0123456789/._-") == std::string::npos &&
                     text[0] != '-' && text != "true" && text != "false" && text != "yes" &&
                     text != "no" && text != "on" && text != "off" && text != "null";
  return plain ? text : value.dump();
}

void write(const Json& value, const std::string& indent, std::string& out) {
  for (const auto& [key, field] : value.items()) {
    out += indent + key + ":";
    if (field.is_object() && !field.empty()) {
      out += "\n";
      write(field, indent + "  ", out);
    } else if (field.is_array()) {
      out += "\n";
      for (const Json& item : field)
        out += indent + "  - " + (item.is_object() ? item.dump() : scalar(item)) + "\n";
    } else {
      out += " " + scalar(field) + "\n";
    }
  }
}

}  // namespace

std::string to_yaml(const File& file) {
  Json rest = to_json(file);
  std::string out;
  // What says which stream it is comes first, the sections in their order.
  std::vector<std::string> order{"name", "title", "group", "visibility", "schedule"};
  for (const Section& section : sections()) order.emplace_back(section.name);
  for (const std::string& key : order) {
    if (!rest.contains(key)) continue;
    write(Json{{key, rest[key]}}, "", out);
    rest.erase(key);
  }
  write(rest, "", out);
  return out;
}

}  // namespace stream::streams

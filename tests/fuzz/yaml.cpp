// Configuration files: any bytes are a document or an Error with a position.
#include <cassert>
#include <cstring>
#include <string>

#include "base/error.h"
#include "config/node.h"

using namespace stream;

namespace {

void visit(const config::Node& node) {
  if (node.is_list())
    for (const config::Node& item : node.items()) visit(item);
  if (node.is_map())
    for (const auto& [key, value] : node.entries()) {
      assert(node.find(key) == &value);  // no duplicate came through
      visit(value);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    visit(config::Node::parse(std::string(reinterpret_cast<const char*>(data), size), "f"));
  } catch (const Error& e) {
    assert(std::strncmp(e.what(), "f:", 2) == 0);
  }
  return 0;
}

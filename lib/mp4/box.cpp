#include "mp4/box.h"

namespace stream::mp4 {

namespace {

uint32_t four_cc(std::string_view name) {
  uint32_t value = 0;
  for (const char c : name) value = value << 8 | static_cast<uint8_t>(c);
  return value;
}

}  // namespace

bool Box::is(std::string_view name) const {
  return type == four_cc(name);
}

std::optional<Box> next_box(Bytes& bytes) {
  ByteReader reader(bytes);
  Box box;
  box.size = reader.u32();
  box.type = reader.u32();
  if (box.size == 1) {
    box.size = reader.u64();
    box.header_size = 16;
  } else if (box.size == 0) {
    box.size = bytes.size();
  }
  if (!reader.ok() || box.size < box.header_size) {
    bytes = {};
    return std::nullopt;
  }
  box.complete = box.size <= bytes.size();
  const size_t there = box.complete ? static_cast<size_t>(box.size) : bytes.size();
  box.payload = bytes.subspan(box.header_size, there - box.header_size);
  bytes = bytes.subspan(there);
  return box;
}

std::optional<Box> find_box(Bytes bytes, std::string_view path) {
  while (true) {
    const std::string_view name = path.substr(0, path.find('/'));
    std::optional<Box> box;
    do box = next_box(bytes);
    while (box && !box->is(name));
    if (!box || name.size() == path.size()) return box;
    path.remove_prefix(name.size() + 1);
    bytes = box->payload;
  }
}

}  // namespace stream::mp4

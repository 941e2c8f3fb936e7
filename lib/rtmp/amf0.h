// AMF0 values, as commands and metadata carry them: reader and writer. The reader takes hostile
// bytes: nesting, number of values and every length are checked before anything is made. References
// and AMF3 strings by reference become undefined;
// AMF3 objects fail.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.h"

namespace stream::rtmp::amf0 {

struct Value;
struct Undefined {};
struct Null {};
struct Date {
  double milliseconds = 0;  // since 1970, UTC
};
using Property = std::pair<std::string, Value>;
// Object, ECMA array or typed object, in the order sent.
struct Object {
  std::vector<Property> properties;
  bool ecma_array = false;

  Object() = default;
  Object(std::initializer_list<Property> list);
  // The first property of that name; null when there is none.
  const Value* find(std::string_view name) const;
};
struct Array {
  std::vector<Value> items;
};

struct Value : std::variant<Undefined, Null, bool, double, std::string, Object, Array, Date> {
  using variant::variant;
  Value(const char* text) : variant(std::string(text)) {}
  Value(std::string_view text) : variant(std::string(text)) {}
  Value(int number) : variant(static_cast<double>(number)) {}

  // Views of the content; empty or nullopt or null when the value is of another type.
  std::string_view text() const;
  std::optional<double> number() const;
  const Object* object() const;
  const Array* array() const;
};

inline constexpr int kMaxDepth = 32;
inline constexpr size_t kMaxValues = 8192;  // per reader: per message

class Reader {
 public:
  explicit Reader(Bytes bytes) : in_(bytes) {}
  // Undefined and not ok() when the bytes are no AMF0 or a limit is passed. Sticky.
  Value read();
  bool ok() const noexcept { return in_.ok(); }
  bool at_end() const noexcept { return in_.remaining() == 0; }

 private:
  Value value(uint8_t marker, int depth);
  Value object(bool ecma_array, int depth);
  Value strict_array(int depth);
  Value amf3_scalar();
  uint32_t u29();
  Value fail();

  ByteReader in_;
  size_t values_ = 0;
};

void write(ByteWriter& out, const Value& value);

template <typename... Values>
std::vector<uint8_t> encode(const Values&... values) {
  ByteWriter out;
  (write(out, Value(values)), ...);
  return out.take();
}

}  // namespace stream::rtmp::amf0

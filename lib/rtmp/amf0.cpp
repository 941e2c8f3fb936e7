#include "rtmp/amf0.h"

#include <cassert>

namespace stream::rtmp::amf0 {
namespace {

// AMF0 specification section 2.1.
enum Marker : uint8_t {
  kNumber = 0,
  kBoolean = 1,
  kString = 2,
  kObject = 3,
  kNull = 5,
  kUndefined = 6,
  kReference = 7,
  kEcmaArray = 8,
  kObjectEnd = 9,
  kStrictArray = 10,
  kDate = 11,
  kLongString = 12,
  kUnsupported = 13,
  kXmlDocument = 15,
  kTypedObject = 16,
  kAvmPlus = 17,
};

// AMF3 specification section 3.1; objects and all that refers to tables are left out.
enum Marker3 : uint8_t {
  kUndefined3 = 0,
  kNull3 = 1,
  kFalse3 = 2,
  kTrue3 = 3,
  kInteger3 = 4,
  kDouble3 = 5,
  kString3 = 6,
};

void write_key(ByteWriter& out, std::string_view key) {
  assert(key.size() <= 0xFFFF);
  out.u16(static_cast<uint16_t>(key.size()));
  out.text(key);
}

}  // namespace

Object::Object(std::initializer_list<Property> list) : properties(list) {}

const Value* Object::find(std::string_view name) const {
  for (const Property& property : properties) {
    if (property.first == name) return &property.second;
  }
  return nullptr;
}

std::string_view Value::text() const {
  const auto* text = std::get_if<std::string>(this);
  return text != nullptr ? std::string_view(*text) : std::string_view();
}

std::optional<double> Value::number() const {
  const auto* number = std::get_if<double>(this);
  return number != nullptr ? std::optional(*number) : std::nullopt;
}

const Object* Value::object() const {
  return std::get_if<Object>(this);
}
const Array* Value::array() const {
  return std::get_if<Array>(this);
}

Value Reader::read() {
  if (!in_.ok()) return {};
  Value result = value(in_.u8(), 0);
  if (!in_.ok()) return {};
  return result;
}

Value Reader::fail() {
  in_.fail();
  return {};
}

// Recursion ends at kMaxDepth, whatever the bytes say.
Value Reader::value(uint8_t marker, int depth) {
  if (++values_ > kMaxValues) return fail();
  switch (marker) {
    case kNumber:
      return in_.f64();
    case kBoolean:
      return in_.u8() != 0;
    case kString:
      return in_.text(in_.u16());
    case kLongString:
    case kXmlDocument:
      return in_.text(in_.u32());
    case kNull:
      return Null{};
    case kUndefined:
    case kUnsupported:
      return Undefined{};
    case kReference:
      in_.u16();
      return Undefined{};
    case kDate: {
      const double milliseconds = in_.f64();
      in_.u16();  // time zone: reserved, 0
      return Date{milliseconds};
    }
    case kTypedObject:
      in_.text(in_.u16());
      return object(false, depth);
    case kObject:
      return object(false, depth);
    case kEcmaArray:
      in_.u32();  // a hint that is often wrong
      return object(true, depth);
    case kStrictArray:
      return strict_array(depth);
    case kAvmPlus:
      return amf3_scalar();
    default:
      return fail();
  }
}

Value Reader::object(bool ecma_array, int depth) {
  if (depth >= kMaxDepth) return fail();
  Object result;
  result.ecma_array = ecma_array;
  // Some encoders leave out the end of the array when it is the last thing in the message.
  while (in_.ok() && !(ecma_array && depth == 0 && at_end())) {
    const std::string_view name = in_.text(in_.u16());
    const uint8_t marker = in_.u8();
    if (name.empty() && marker == kObjectEnd) break;
    Value item = value(marker, depth + 1);
    if (in_.ok()) result.properties.emplace_back(std::string(name), std::move(item));
  }
  return result;
}

Value Reader::strict_array(int depth) {
  const uint32_t count = in_.u32();
  if (depth >= kMaxDepth || count > in_.remaining()) return fail();
  Array result;
  for (uint32_t i = 0; i < count && in_.ok(); ++i) {
    result.items.push_back(value(in_.u8(), depth + 1));
  }
  return result;
}

Value Reader::amf3_scalar() {
  switch (in_.u8()) {
    case kUndefined3:
      return Undefined{};
    case kNull3:
      return Null{};
    case kFalse3:
      return false;
    case kTrue3:
      return true;
    case kInteger3: {
      const int32_t number = static_cast<int32_t>(u29() << 3) >> 3;
      return number;
    }
    case kDouble3:
      return in_.f64();
    case kString3: {
      const uint32_t header = u29();
      if ((header & 1) == 0) return Undefined{};  // a reference
      return in_.text(header >> 1);
    }
    default:
      return fail();
  }
}

// AMF3 section 1.3.1: 7 bits each in up to three bytes, 8 in a fourth.
uint32_t Reader::u29() {
  uint32_t value = 0;
  for (int i = 0; i < 3; ++i) {
    const uint8_t byte = in_.u8();
    value = value << 7 | (byte & 0x7F);
    if ((byte & 0x80) == 0) return value;
  }
  return value << 8 | in_.u8();
}

void write(ByteWriter& out, const Value& value) {
  if (const auto* number = std::get_if<double>(&value)) {
    out.u8(kNumber);
    out.f64(*number);
  } else if (const auto* flag = std::get_if<bool>(&value)) {
    out.u8(kBoolean);
    out.u8(*flag ? 1 : 0);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    const bool is_long = text->size() > 0xFFFF;
    out.u8(is_long ? kLongString : kString);
    if (is_long) {
      out.u32(static_cast<uint32_t>(text->size()));
    } else {
      out.u16(static_cast<uint16_t>(text->size()));
    }
    out.text(*text);
  } else if (const Object* object = value.object()) {
    out.u8(object->ecma_array ? kEcmaArray : kObject);
    if (object->ecma_array) out.u32(static_cast<uint32_t>(object->properties.size()));
    for (const Property& property : object->properties) {
      write_key(out, property.first);
      write(out, property.second);
    }
    write_key(out, {});
    out.u8(kObjectEnd);
  } else if (const Array* array = value.array()) {
    out.u8(kStrictArray);
    out.u32(static_cast<uint32_t>(array->items.size()));
    for (const Value& item : array->items) write(out, item);
  } else if (const auto* date = std::get_if<Date>(&value)) {
    out.u8(kDate);
    out.f64(date->milliseconds);
    out.u16(0);
  } else {
    out.u8(std::holds_alternative<Null>(value) ? kNull : kUndefined);
  }
}

}  // namespace stream::rtmp::amf0

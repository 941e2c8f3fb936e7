// Reading status documents of programs, which may be of another version: what is absent or of
// another type is nothing, never an error.
#pragma once
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace stream::observe {

using Json = nlohmann::json;

// `pointer` is a JSON pointer (RFC 6901). Null where there is nothing.
const Json& at(const Json& document, const char* pointer);
std::optional<double> number(const Json& document, const char* pointer);
// Of a number from 0 to a thousand million; 0 where there is none.
int whole(const Json& document, const char* pointer);
std::string text(const Json& document, const char* pointer);  // empty where there is none
bool truth(const Json& document, const char* pointer);
// An empty list where there is none.
const Json& list(const Json& document, const char* pointer);

// What stream-archive does for a stream, in a few words.
std::string archive_detail(const Json& status);

}  // namespace stream::observe

// One --input NAME=WHERE: publishers (rtmp, rtmp:KEY) or a URL that is pulled.
#pragma once
#include <string>
#include <string_view>

namespace stream::ingest {

struct InputSpec {
  std::string name;
  // Publishers: under which stream's name they are let in; empty: the stream's own.
  bool publishers = false;
  std::string key;
  std::string where;          // a file, a URL, or where a URL with a key in it stands (@file:PATH)
  std::string url() const;    // with what where names read; may hold a key
  std::string shown() const;  // for people
};

void parse_value(std::string_view text, InputSpec& out);

}  // namespace stream::ingest

#include "input_spec.h"

#include "base/error.h"
#include "base/text.h"
#include "base/url.h"
#include "cli/secret_source.h"

namespace stream::ingest {
namespace {

constexpr char kForm[] =
    "write NAME=rtmp for publishers, NAME=rtmp:KEYNAME for those of another key, NAME=URL or "
    "NAME=@file:PATH for a URL with a key";

}  // namespace

void parse_value(std::string_view text, InputSpec& out) {
  const size_t equals = text.find('=');
  if (equals == text.npos || equals == 0 || equals + 1 == text.size())
    throw Error(Exit::kUsage, "ingest.input", "an input is not of the form NAME=WHERE", kForm);
  InputSpec spec;
  spec.name = text.substr(0, equals);
  check_stream_name(spec.name);
  if (spec.name == "auto" || spec.name == "slate")
    throw Error(Exit::kUsage, "ingest.input", "an input can't be called '" + spec.name + "'",
                "these words mean something to ingest.switch");
  const std::string_view where = text.substr(equals + 1);
  const size_t colon = where.find(':');
  const std::string_view kind = where.substr(0, colon);
  if (kind == "rtmp" || kind == "srt" || kind == "whip") {
    if (!where.substr(colon == where.npos ? where.size() : colon).starts_with("://")) {
      spec.publishers = true;
      if (colon != where.npos) spec.key = where.substr(colon + 1);
      if (!spec.key.empty()) check_stream_name(spec.key);
      out = std::move(spec);
      return;
    }
  }
  spec.where = where;
  const auto url = parse_url(where);
  if (url && cli::carries_secret(*url))
    throw Error(Exit::kUsage, "secret.argv", "the URL of input " + spec.name + " carries a key",
                "put the URL into a file and write " + spec.name + "=@file:PATH");
  out = std::move(spec);
}

std::string InputSpec::url() const {
  if (!cli::is_secret_source(where)) return where;
  return std::string(cli::read_secret(where).reveal());
}

std::string InputSpec::shown() const {
  if (publishers) return key.empty() ? "publishers" : "publishers of " + key;
  const auto url = parse_url(where);
  return url ? url->redacted() : where;
}

}  // namespace stream::ingest

#include "archive/catalog_entry.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "base/time.h"
#include "manifest/recording.h"

namespace stream::archive {

namespace {

using manifest::or_null;
using manifest::time_or_null;

constexpr char kEntrySchema[] = "stream.catalog/1";

[[noreturn]] void invalid(const std::string& what) {
  throw Error(Exit::kConfig, "catalog.invalid", "an entry of the catalogue is not valid: " + what,
              "its schema is stream.catalog/1; restore it, or put the recording again");
}

const Json& field(const Json& object, const char* name) {
  if (!object.is_object()) invalid(std::string("no object around \"") + name + "\"");
  const auto at = object.find(name);
  if (at == object.end()) invalid(std::string("no \"") + name + "\"");
  return *at;
}

template <typename T>
T get(const Json& object, const char* name, T if_null = {}) {
  const Json& value = field(object, name);
  if (value.is_null()) return if_null;
  bool right = false;
  if constexpr (std::is_same_v<T, bool>)
    right = value.is_boolean();
  else if constexpr (std::is_same_v<T, std::string>)
    right = value.is_string();
  else if constexpr (std::is_same_v<T, double>)
    right = value.is_number();
  else if constexpr (std::is_same_v<T, uint64_t>)
    right = value.is_number_unsigned();
  else
    right = value.is_array() &&
            std::all_of(value.begin(), value.end(), [](const Json& v) { return v.is_string(); });
  if (!right) invalid(std::string("\"") + name + "\" has the wrong type");
  return value.get<T>();
}

std::optional<WallTime> get_time(const Json& object, const char* name) {
  const std::string text = get<std::string>(object, name);
  if (text.empty()) return std::nullopt;
  const auto time = parse_rfc3339(text);
  if (!time) invalid(std::string("\"") + name + "\" is not a time in UTC");
  return time;
}

WallTime need_time(const Json& object, const char* name) {
  const auto time = get_time(object, name);
  if (!time) invalid(std::string("no \"") + name + "\"");
  return *time;
}

Json to_json(const CatalogFile& file) {
  const Receipt& r = file.receipt;
  Json messages = Json::array();
  for (const ChatMessage& message : r.messages) messages.push_back(to_json(message));
  return {{"path", file.path},
          {"key", r.key},
          {"size_bytes", r.size},
          {"sha256", r.sha256},
          {"part_size_bytes", r.part_size > 0 ? Json(r.part_size) : Json(nullptr)},
          {"part_sha256", r.part_sha256},
          {"content_type", r.content_type},
          {"etag", or_null(r.etag)},
          {"messages", messages},
          {"verified_at", time_or_null(file.verified)}};
}

bool is_sha256(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

CatalogFile file_from_json(const Json& object) {
  CatalogFile file;
  Receipt& r = file.receipt;
  file.path = get<std::string>(object, "path");
  r.key = get<std::string>(object, "key");
  try {
    check_key(r.key);
  } catch (const Error&) {
    invalid("\"key\" can't be a key");
  }
  r.size = get<uint64_t>(object, "size_bytes");
  r.sha256 = get<std::string>(object, "sha256");
  if (!is_sha256(r.sha256)) invalid("\"sha256\" is none");
  r.part_size = get<uint64_t>(object, "part_size_bytes");
  r.part_sha256 = get<std::vector<std::string>>(object, "part_sha256");
  if (!std::all_of(r.part_sha256.begin(), r.part_sha256.end(), is_sha256))
    invalid("\"part_sha256\" holds what is none");
  r.content_type = get<std::string>(object, "content_type");
  r.etag = get<std::string>(object, "etag");
  // Entries of before there were chats have none.
  if (const auto at = object.find("messages"); at != object.end()) {
    if (!at->is_array()) invalid("\"messages\" is not a list");
    for (const Json& m : *at) {
      r.messages.push_back({get<std::string>(m, "chat_id"),
                            static_cast<int64_t>(get<uint64_t>(m, "message_id")),
                            get<std::string>(m, "file_id"), get<uint64_t>(m, "size_bytes")});
    }
  }
  file.verified = get_time(object, "verified_at");
  return file;
}

}  // namespace

bool is_recording_id(std::string_view text) {
  if (text.empty() || text.size() > 200 || text[0] == '.') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

uint64_t CatalogEntry::bytes() const {
  uint64_t sum = 0;
  for (const CatalogFile& file : files) sum += file.receipt.size;
  return sum;
}

Json to_json(const ChatMessage& message) {
  return {{"chat_id", message.chat},
          {"message_id", message.id},
          {"file_id", message.file_id},
          {"size_bytes", message.size}};
}

Json to_json(const CatalogEntry& entry) {
  Json files = Json::array();
  for (const CatalogFile& file : entry.files) files.push_back(to_json(file));
  return {{"schema", kEntrySchema},
          {"recording", entry.id},
          {"stream", or_null(entry.stream)},
          {"sequence", entry.sequence},
          {"archived_at", rfc3339(entry.archived)},
          {"started_at", rfc3339(entry.started)},
          {"ended_at", time_or_null(entry.ended)},
          {"duration_seconds", entry.duration > 0 ? Json(entry.duration) : Json(nullptr)},
          {"size_bytes", entry.bytes()},
          {"visibility", entry.rights.is_public ? "public" : "private"},
          {"hidden", entry.rights.hidden},
          {"held", entry.held},
          {"allow", entry.rights.allow},
          {"owner", or_null(entry.rights.owner)},
          {"files", files},
          {"manifest", entry.manifest}};
}

CatalogEntry entry_from_json(const Json& document) {
  if (get<std::string>(document, "schema") != kEntrySchema) invalid("its schema is another");
  CatalogEntry entry;
  entry.id = get<std::string>(document, "recording");
  if (!is_recording_id(entry.id)) invalid("\"recording\" can't be a name");
  entry.stream = get<std::string>(document, "stream");
  if (!entry.stream.empty() && !is_stream_name(entry.stream))
    invalid("\"stream\" is no stream name");
  entry.sequence = get<uint64_t>(document, "sequence");
  entry.archived = need_time(document, "archived_at");
  entry.started = need_time(document, "started_at");
  entry.ended = get_time(document, "ended_at");
  entry.duration = get<double>(document, "duration_seconds");
  const std::string visibility = get<std::string>(document, "visibility");
  if (visibility != "public" && visibility != "private") invalid("\"visibility\" is neither");
  entry.rights.is_public = visibility == "public";
  entry.rights.hidden = get<bool>(document, "hidden");
  entry.held = get<bool>(document, "held");
  entry.rights.allow = get<std::vector<std::string>>(document, "allow");
  entry.rights.owner = get<std::string>(document, "owner");
  const Json& files = field(document, "files");
  if (!files.is_array()) invalid("\"files\" is not a list");
  for (const Json& file : files) entry.files.push_back(file_from_json(file));
  entry.manifest = field(document, "manifest");
  return entry;
}

}  // namespace stream::archive

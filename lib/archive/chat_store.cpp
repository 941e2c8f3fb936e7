#include "archive/chat_store.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "archive/catalog_entry.h"
#include "archive/hash.h"
#include "base/error.h"
#include "base/text.h"
#include "crypto/encoding.h"
#include "crypto/hash.h"

namespace stream::archive {

namespace {

using Json = nlohmann::json;

constexpr char kCatalog[] = "_catalog/", kUploads[] = "_uploads/";
constexpr char kRecordSchema[] = "stream.chat/1";

bool is_plain(std::string_view key) {
  return key.starts_with(kCatalog);
}

ChatMessage message_of(const Json& json) {
  return {json.at("chat_id").get<std::string>(), json.at("message_id").get<int64_t>(),
          json.at("file_id").get<std::string>(), json.at("size_bytes").get<uint64_t>()};
}

std::string value_of(const PutOptions& options, const char* name) {
  const auto at = options.metadata.find(name);
  return at == options.metadata.end() ? std::string() : at->second;
}

std::string file_name(const std::string& key) {
  return key.substr(key.rfind('/') + 1);
}

std::string numbered(const char* form, int number) {
  char text[32];
  std::snprintf(text, sizeof text, form, number);
  return text;
}

std::string part_key(const std::string& upload, int number) {
  return kUploads + upload + "/" + numbered("%05d", number);
}

bool is_upload_id(const std::string& text) {
  return text.size() == 24 && crypto::from_hex(text);
}

std::string hash_of(const Source& source) {
  return source.sha256.empty() ? sha256_of(source) : source.sha256;
}

}  // namespace

// What is known of an object; or of an upload, whose key it holds then and no messages.
struct ChatStore::Record {
  std::string key, etag;
  uint64_t size = 0;
  PutOptions options;
  std::vector<ChatMessage> messages;
  WallTime modified{};

  std::string text() const {
    Json list = Json::array();
    for (const ChatMessage& message : messages) list.push_back(to_json(message));
    return Json{{"schema", kRecordSchema},
                {"key", key},
                {"etag", etag},
                {"size_bytes", size},
                {"content_type", options.content_type},
                {"cache_control", options.cache_control},
                {"metadata", options.metadata},
                {"messages", list}}
        .dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  static Record parse(const std::string& text) {
    try {
      const Json json = Json::parse(text);
      if (json.at("schema") != kRecordSchema) throw std::runtime_error("schema");
      Record record;
      record.key = json.at("key");
      record.etag = json.at("etag");
      record.size = json.at("size_bytes");
      record.options.content_type = json.at("content_type");
      record.options.cache_control = json.at("cache_control");
      for (const auto& [name, value] : json.at("metadata").items())
        record.options.metadata[name] = value;
      uint64_t sum = 0;
      for (const Json& message : json.at("messages")) {
        record.messages.push_back(message_of(message));
        sum += record.messages.back().size;
      }
      if (sum != record.size) throw std::runtime_error("sizes");
      return record;
    } catch (const std::exception&) {
      throw Error(Exit::kConfig, "catalog.invalid", "a record of the chat's messages is damaged",
                  "remove it, and put the recording again");
    }
  }
};

ChatStore::ChatStore(BotOptions options, World world, std::string chat, std::string directory)
    : api_(std::move(options), std::move(world)),
      chat_(std::move(chat)),
      records_(std::move(directory)) {}

std::string ChatStore::url(const std::string& key) const {
  return "telegram://" + chat_ + (key.empty() ? "" : "/" + key);
}

void ChatStore::check(const std::string& key) const {
  check_key(key);
  if (key.starts_with(kUploads))
    throw Error(Exit::kUsage, "archive.key",
                "\"" + escaped(key) + "\" is a name of the store's own");
}

std::optional<ChatStore::Record> ChatStore::load(const std::string& key) {
  const auto there = records_.head(key);
  if (!there) return std::nullopt;
  Record record = Record::parse(get_text(records_, key));
  record.modified = there->modified;
  return record;
}

std::string ChatStore::save(const std::string& key, const Record& record, bool create_only) {
  PutOptions options;
  options.content_type = "application/json";
  options.create_only = create_only;
  records_.put(key, source_of(record.text()), options);
  return record.etag;
}

std::string ChatStore::put(const std::string& key, const Source& source,
                           const PutOptions& options) {
  check(key);
  if (is_plain(key)) return records_.put(key, source, options);
  const std::lock_guard lock(sending_);
  const auto before = load(key);
  if (before && options.create_only)
    throw Error(Exit::kNotAllowed, "archive.exists", url(key) + " exists already");
  Record record{key, hash_of(source), source.size, options, {}, {}};
  if (source.size > 0) {  // a chat takes no empty file
    OutgoingFile file;
    file.name = file_name(key);
    file.caption = value_of(options, "caption");
    file.content_type = options.content_type;
    file.is_video = options.content_type == "video/mp4";
    for (const char* name : {"duration", "width", "height"})
      if (const std::string value = value_of(options, name); !value.empty())
        file.shape[name] = value;
    record.messages.push_back(api_.send(chat_, file, source, url(key)));
  }
  try {
    save(key, record, options.create_only);
  } catch (const Error& error) {
    if (error.id() == "archive.exists") take_back(record.messages, url(key));
    throw;
  }
  if (before) take_back(before->messages, url(key));
  return record.etag;
}

std::string ChatStore::begin_upload(const std::string& key, const PutOptions& options) {
  check(key);
  if (options.create_only && records_.head(key))
    throw Error(Exit::kNotAllowed, "archive.exists", url(key) + " exists already");
  const std::string id = crypto::hex(crypto::random_bytes(12));
  save(part_key(id, 0), {key, "", 0, options, {}, {}}, true);
  return id;
}

ChatStore::Record ChatStore::begun(const std::string& key, const std::string& upload) {
  auto record = is_upload_id(upload) ? load(part_key(upload, 0)) : std::nullopt;
  if (!record || record->key != key) {
    throw Error(Exit::kNo, "archive.upload",
                url(key) + ": there is no upload " + escaped(upload) + " of it");
  }
  return *record;
}

Part ChatStore::put_part(const std::string& key, const std::string& upload, Part part,
                         const Source& source) {
  const std::lock_guard lock(sending_);
  const Record head = begun(key, upload);
  part.size = source.size;
  part.etag = hash_of(source);
  OutgoingFile file;
  file.name = file_name(key) + numbered(".%03d", part.number);
  file.content_type = "application/octet-stream";
  const std::string caption = value_of(head.options, "caption"),
                    all = value_of(head.options, "parts");
  const std::string which =
      ", part " + std::to_string(part.number) + (all.empty() ? "" : " of " + all);
  file.caption = caption.empty() ? "" : caption + which;
  Record record{key, part.etag, source.size, {}, {}, {}};
  record.messages.push_back(api_.send(chat_, file, source, url(key)));
  save(part_key(upload, part.number), record, false);
  return part;
}

std::vector<std::pair<Part, ChatMessage>> ChatStore::sent(const std::string& upload) {
  std::vector<std::pair<Part, ChatMessage>> out;
  for_each_object(records_, kUploads + upload + "/", [&](const Object& object) {
    const std::string name = file_name(object.key);
    int number = 0;
    std::from_chars(name.data(), name.data() + name.size(), number);
    if (number < 1) return;
    const Record record = Record::parse(get_text(records_, object.key));
    if (!record.messages.empty())
      out.push_back({{number, 0, record.size, record.etag}, record.messages[0]});
  });
  return out;
}

std::optional<std::vector<Part>> ChatStore::parts(const std::string& key,
                                                  const std::string& upload) {
  begun(key, upload);
  std::vector<Part> out;
  for (const auto& [part, message] : sent(upload)) out.push_back(part);
  return out;
}

void ChatStore::forget(const std::string& upload) {
  std::vector<std::string> keys;
  for_each_object(records_, kUploads + upload + "/",
                  [&](const Object& object) { keys.push_back(object.key); });
  records_.remove(keys);
}

std::string ChatStore::finish_upload(const std::string& key, const std::string& upload,
                                     const std::vector<Part>& parts, const PutOptions& options) {
  Record record = begun(key, upload);
  const auto there = sent(upload);
  std::string etags;
  for (const Part& part : parts) {
    const auto at = std::find_if(there.begin(), there.end(), [&](const auto& one) {
      return one.first.number == part.number && one.first.etag == part.etag;
    });
    if (at == there.end()) {
      throw Error(Exit::kNo, "archive.upload",
                  url(key) + ": part " + std::to_string(part.number) + " was not sent");
    }
    record.messages.push_back(at->second);
    record.size += at->second.size;
    etags += part.etag;
  }
  record.options.metadata.insert(options.metadata.begin(), options.metadata.end());
  record.etag = sha256_of(etags);
  const auto before = options.create_only ? std::nullopt : load(key);
  save(key, record, options.create_only);
  forget(upload);
  if (before) take_back(before->messages, url(key));
  return record.etag;
}

// What can't be taken back stays in the chat.
void ChatStore::abort_upload(const std::string& key, const std::string& upload) {
  if (!is_upload_id(upload)) return;
  std::vector<ChatMessage> messages;
  for (const auto& [part, message] : sent(upload)) messages.push_back(message);
  take_back(messages, url(key));
  forget(upload);
}

std::vector<Upload> ChatStore::uploads(const std::string& prefix) {
  std::vector<Upload> out;
  for_each_object(records_, kUploads, [&](const Object& object) {
    if (!object.key.ends_with("/00000")) return;
    const Record record = Record::parse(get_text(records_, object.key));
    const std::string id = object.key.substr(sizeof kUploads - 1, 24);
    if (record.key.starts_with(prefix)) out.push_back({record.key, id, object.modified});
  });
  return out;
}

std::optional<Object> ChatStore::head(const std::string& key) {
  check(key);
  if (is_plain(key)) return records_.head(key);
  const auto record = load(key);
  if (!record) return std::nullopt;
  return Object{key,
                record->size,
                record->etag,
                record->modified,
                record->options.content_type,
                record->options.cache_control,
                record->options.metadata};
}

void ChatStore::get(const std::string& key, uint64_t offset, uint64_t size, const Sink& sink) {
  check(key);
  if (is_plain(key)) return records_.get(key, offset, size, sink);
  const auto record = load(key);
  if (!record) throw Error(Exit::kNo, "archive.absent", url(key) + " is not there");
  uint64_t at = 0;  // where the message's bytes begin
  bool wanted = true;
  for (const ChatMessage& message : record->messages) {
    const uint64_t skip = std::min(offset - std::min(offset, at), message.size);
    const uint64_t n = std::min(message.size - skip, size);
    at += message.size;
    if (n == 0) continue;
    api_.download(
        message, skip, n, [&](std::string_view bytes) { return wanted = sink(bytes); }, url(key));
    if (!wanted) return;
    size -= n;
  }
}

Page ChatStore::list(const std::string& prefix, const std::string& after, bool by_folder) {
  Page page = records_.list(prefix, after, by_folder);
  std::erase_if(page.objects, [](const Object& o) { return o.key.starts_with(kUploads); });
  std::erase(page.prefixes, kUploads);
  for (Object& object : page.objects) {
    if (is_plain(object.key)) continue;
    const Record record = Record::parse(get_text(records_, object.key));
    object.size = record.size;
    object.etag = record.etag;
  }
  return page;
}

// How many can't be deleted.
size_t ChatStore::take_back(const std::vector<ChatMessage>& messages, const std::string& what) {
  return static_cast<size_t>(std::count_if(messages.begin(), messages.end(),
                                           [&](const auto& m) { return !api_.remove(m, what); }));
}

void ChatStore::remove(const std::vector<std::string>& keys) {
  size_t stay = 0;
  std::string one;
  for (const std::string& key : keys) {
    check(key);
    const auto record = is_plain(key) ? std::nullopt : load(key);
    if (const size_t n = record ? take_back(record->messages, url(key)) : 0; n > 0) {
      stay += n;
      one = url(key);
      continue;
    }
    records_.remove({key});
  }
  if (stay == 0) return;
  throw Error(Exit::kRefused, "archive.refused",
              one + ": " + std::to_string(stay) + (stay == 1 ? " message" : " messages") +
                  " can't be deleted: a bot may delete only what is less than 48 hours old",
              "delete them in the chat by hand, then run this again");
}

std::string ChatStore::presign(const std::string&, const std::string& key, std::chrono::seconds) {
  throw Error(Exit::kUnsupported, "archive.unsupported",
              url(key) + ": a chat has no addresses for everybody",
              "invite people to the chat, or use a bucket");
}

void ChatStore::put_lifecycle(const std::string&) {
  throw Error(Exit::kUnsupported, "archive.unsupported", url("") + ": a chat has no lifecycle");
}

std::vector<ChatMessage> ChatStore::messages(const std::string& key) {
  const auto record = load(key);
  return record ? record->messages : std::vector<ChatMessage>();
}

}  // namespace stream::archive

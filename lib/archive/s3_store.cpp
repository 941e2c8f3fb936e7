#include "archive/s3_store.h"

#include <algorithm>

#include "archive/hash.h"
#include "archive/s3_request.h"
#include "archive/s3_xml.h"
#include "base/error.h"
#include "base/text.h"
#include "crypto/encoding.h"

namespace stream::archive {

namespace {

bool is_google(const std::string& endpoint) {
  return endpoint.starts_with("https://storage.googleapis.com");
}

std::string md5_header(const std::string& text) {
  Md5 hash;
  hash.add(text);
  const std::string raw = hash.raw();
  return crypto::base64(crypto::bytes_of(raw));
}

Pairs object_headers(const PutOptions& options) {
  Pairs headers{{"content-type", options.content_type}};
  if (!options.cache_control.empty()) headers.emplace_back("cache-control", options.cache_control);
  for (const auto& [name, value] : options.metadata)
    headers.emplace_back("x-amz-meta-" + name, value);
  return headers;
}

// A 200 that must be the given kind of answer, and may be an error all the same.
template <typename Parse>
std::function<std::string(const std::string&)> expects(Parse parse) {
  return [parse](const std::string& body) -> std::string {
    if (parse(body)) return {};
    if (const auto error = parse_s3_error(body))
      return error->code.empty() ? "InternalError" : error->code;
    return "InternalError";  // cut off, or no XML: a later try may say it whole
  };
}

}  // namespace

S3Store::S3Store(S3Options options, fetch::Transfers& transfers)
    : S3Store(std::move(options), real_world(transfers)) {}

S3Store::S3Store(S3Options options, World world)
    : options_(std::move(options)),
      world_(std::move(world)),
      dialect_(is_google(options_.endpoint) ? kGoog : kAws),
      region_(options_.region) {
  const bool dotted = options_.bucket.find('.') != std::string::npos;
  virtual_hosted_ =
      options_.addressing == Addressing::kVirtual ||
      (options_.addressing == Addressing::kAuto && options_.endpoint.empty() && !dotted);
}

S3Store::~S3Store() = default;

std::string S3Store::url(const std::string& key) const {
  return "s3://" + options_.bucket + "/" + key;
}

void S3Store::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  if (world_.cancel) world_.cancel();
}

// Whether the object is what an earlier try of ours has made.
bool S3Store::is_ours(const std::string& key, const PutOptions& options) {
  const auto writer = options.metadata.find("writer");
  if (writer == options.metadata.end()) return false;
  const auto there = head(key);
  if (!there) return false;
  const auto theirs = there->metadata.find("writer");
  return theirs != there->metadata.end() && theirs->second == writer->second;
}

std::string S3Store::put(const std::string& key, const Source& source, const PutOptions& options) {
  check_key(key);
  Ask ask;
  ask.method = "PUT";
  ask.key = key;
  ask.headers = object_headers(options);
  ask.body = source;
  ask.payload_hash = source.sha256.empty() ? sha256_of(source) : source.sha256;
  // For stores that do not know the condition; it stays a race there.
  if (options.create_only && head(key))
    throw Error(Exit::kNotAllowed, "archive.exists", url(key) + " exists already");
  const Reply reply = create(ask, options);
  if (reply.ok()) return reply.header("etag");
  const bool taken = reply.status == 412 || reply.status == 304;
  if (taken && reply.uncertain && is_ours(key, options)) return head(key)->etag;
  refuse(ask, reply);
}

std::string S3Store::begin_upload(const std::string& key, const PutOptions& options) {
  check_key(key);
  if (options.create_only && head(key))
    throw Error(Exit::kNotAllowed, "archive.exists", url(key) + " exists already");
  Ask ask;
  ask.method = "POST";
  ask.key = key;
  ask.query = {{"uploads", ""}};
  ask.headers = object_headers(options);
  ask.hidden_error = expects(parse_upload_id);
  return *parse_upload_id(request_ok(ask).body);
}

Part S3Store::put_part(const std::string& key, const std::string& upload, Part part,
                       const Source& source) {
  Ask ask;
  ask.method = "PUT";
  ask.key = key;
  ask.query = {{"partNumber", std::to_string(part.number)}, {"uploadId", upload}};
  ask.body = source;
  ask.payload_hash = source.sha256.empty() ? sha256_of(source) : source.sha256;
  Reply reply = request(ask);
  if (reply.status == 404) reply.code = "NoSuchUpload";
  if (!reply.ok()) refuse(ask, reply);
  part.size = source.size;
  part.etag = reply.header("etag");
  if (part.etag.empty()) {
    throw Error(Exit::kRefused, "archive.refused",
                url(key) + ": the store took a part and gave no ETag for it");
  }
  return part;
}

std::optional<std::vector<Part>> S3Store::parts(const std::string& key, const std::string& upload) {
  std::vector<Part> out;
  int marker = 0;
  do {
    Ask ask;
    ask.method = "GET";
    ask.key = key;
    ask.query = {{"uploadId", upload}};
    if (marker > 0) ask.query.emplace_back("part-number-marker", std::to_string(marker));
    const Reply reply = request(ask);
    if (reply.code == "NoSuchUpload") refuse(ask, reply);
    const auto page = reply.ok() ? parse_parts(reply.body) : std::nullopt;
    if (!page) {
      if (reply.status == 0 || reply.status >= 500) {
        if (reply.status != 501) refuse(ask, reply);
      }
      return std::nullopt;  // some stores do not list parts
    }
    out.insert(out.end(), page->parts.begin(), page->parts.end());
    if (page->next <= marker) break;
    marker = page->next;
  } while (out.size() <= 10'000);
  return out;
}

std::string S3Store::finish_upload(const std::string& key, const std::string& upload,
                                   const std::vector<Part>& parts, const PutOptions& options) {
  const std::string xml = complete_xml(parts);
  Ask ask;
  ask.method = "POST";
  ask.key = key;
  ask.query = {{"uploadId", upload}};
  ask.headers = {{"content-type", "application/xml"}};
  ask.body = source_of(xml);
  ask.payload_hash = sha256_of(xml);
  ask.hidden_error = expects(parse_completed);
  if (options.create_only) {
    if (const auto there = head(key)) {
      if (is_ours(key, options)) return there->etag;
      throw Error(Exit::kNotAllowed, "archive.exists", url(key) + " exists already");
    }
  }
  const Reply reply = create(ask, options);
  if (reply.ok()) return *parse_completed(reply.body);
  // The answer to an earlier try may have been lost: then the upload is gone, the object there.
  const bool gone = reply.code == "NoSuchUpload" || reply.status == 404 || reply.status == 412;
  if (gone && is_ours(key, options)) return head(key)->etag;
  refuse(ask, reply);
}

void S3Store::abort_upload(const std::string& key, const std::string& upload) {
  Ask ask;
  ask.method = "DELETE";
  ask.key = key;
  ask.query = {{"uploadId", upload}};
  const Reply reply = request(ask);
  const bool cannot = reply.status == 405 || reply.status == 501;  // some stores do not abort
  if (!reply.ok() && reply.status != 404 && !cannot) refuse(ask, reply);
}

std::vector<Upload> S3Store::uploads(const std::string& prefix) {
  std::vector<Upload> out;
  std::string key, id;
  do {
    Ask ask;
    ask.method = "GET";
    ask.query = {{"uploads", ""}, {"prefix", prefix}};
    if (!key.empty())
      ask.query.insert(ask.query.end(), {{"key-marker", key}, {"upload-id-marker", id}});
    const Reply reply = request(ask);
    const auto page = reply.ok() ? parse_uploads(reply.body) : std::nullopt;
    if (!page) break;
    out.insert(out.end(), page->uploads.begin(), page->uploads.end());
    if (page->next_key == key && page->next_id == id) break;
    key = page->next_key;
    id = page->next_id;
  } while (!key.empty() && out.size() < 100'000);
  return out;
}

std::optional<Object> S3Store::head(const std::string& key) {
  check_key(key);
  Ask ask;
  ask.method = "HEAD";
  ask.key = key;
  const Reply reply = request(ask);
  if (reply.status == 404) return std::nullopt;
  if (!reply.ok()) refuse(ask, reply);
  Object object;
  object.key = key;
  object.size = std::strtoull(reply.header("content-length").c_str(), nullptr, 10);
  object.etag = reply.header("etag");
  object.modified = parse_http_time(reply.header("last-modified")).value_or(WallTime());
  object.content_type = reply.header("content-type");
  object.cache_control = reply.header("cache-control");
  const std::string prefix = std::string(dialect_.header_prefix) + "meta-";
  for (const auto& [name, value] : reply.headers)
    if (name.starts_with(prefix)) object.metadata[name.substr(prefix.size())] = value;
  return object;
}

void S3Store::get(const std::string& key, uint64_t offset, uint64_t size, const Sink& sink) {
  check_key(key);
  const bool whole = offset == 0 && size == UINT64_MAX;
  uint64_t done = 0;
  bool wants_more = true;
  std::string etag;
  int stalled = 0;
  while (wants_more && done < size) {
    const uint64_t before = done;
    Ask ask;
    ask.method = "GET";
    ask.key = key;
    if (!whole || done > 0) {
      std::string range = "bytes=" + std::to_string(offset + done) + "-";
      if (size != UINT64_MAX && offset + size > offset) range += std::to_string(offset + size - 1);
      ask.headers.emplace_back("range", range);
      ask.sink_status = 206;
    }
    if (!etag.empty()) ask.headers.emplace_back("if-match", etag);
    ask.sink = [&](std::string_view bytes) {
      done += bytes.size();
      wants_more = sink(bytes);
      return wants_more;
    };
    const Reply reply = request(ask);
    if (reply.status == 416 || !wants_more) return;  // nothing is there beyond
    if (reply.ok() && reply.status == ask.sink_status) return;
    if (reply.status == 412) {
      throw Error(Exit::kInputDamaged, "archive.changed",
                  url(key) + " was replaced while it was read", "read it again");
    }
    if (!reply.broken) refuse(ask, reply);
    if (etag.empty()) etag = reply.header("etag");
    stalled = done > before ? 0 : stalled + 1;
    if (stalled > 20) refuse(ask, reply);
  }
}

Page S3Store::list(const std::string& prefix, const std::string& after, bool by_folder) {
  Ask ask;
  ask.method = "GET";
  ask.query = {{"list-type", "2"}, {"prefix", prefix}};
  if (!after.empty()) ask.query.emplace_back("continuation-token", after);
  if (by_folder) ask.query.emplace_back("delimiter", "/");
  ask.hidden_error = expects(parse_listing);
  return *parse_listing(request_ok(ask).body);
}

void S3Store::delete_one(const std::string& key) {
  Ask ask;
  ask.method = "DELETE";
  ask.key = key;
  const Reply reply = request(ask);
  if (!reply.ok() && reply.status != 404) refuse(ask, reply);
}

void S3Store::remove(const std::vector<std::string>& keys) {
  for (size_t from = 0; from < keys.size(); from += 1000) {
    const std::vector<std::string> some(
        keys.begin() + static_cast<long>(from),
        keys.begin() + static_cast<long>(std::min(keys.size(), from + 1000)));
    bool bulk = some.size() > 1 && dialect_.algorithm == kAws.algorithm;
    {
      const std::lock_guard lock(mutex_);
      bulk = bulk && bulk_delete_;
    }
    if (bulk) {
      const std::string xml = delete_xml(some);
      Ask ask;
      ask.method = "POST";
      ask.query = {{"delete", ""}};
      ask.headers = {{"content-md5", md5_header(xml)}, {"content-type", "application/xml"}};
      ask.body = source_of(xml);
      ask.payload_hash = sha256_of(xml);
      ask.hidden_error = expects(parse_deleted);
      const Reply reply = request(ask);
      if (reply.ok()) {
        const auto failed = *parse_deleted(reply.body);
        if (failed.empty()) continue;
        throw Error(Exit::kRefused, "archive.refused",
                    url(failed[0].first) + " can't be deleted: " + escaped(failed[0].second));
      }
      if (reply.status != 501 && reply.status != 405) refuse(ask, reply);
      const std::lock_guard lock(mutex_);
      bulk_delete_ = false;
    }
    for (const std::string& key : some) delete_one(key);
  }
}

std::string S3Store::presign(const std::string& method, const std::string& key,
                             std::chrono::seconds life) {
  check_key(key);
  if (life.count() < 1 || life.count() > 604'800) {
    throw Error(Exit::kUsage, "archive.presign", "a presigned address lives from 1 s to 7 days",
                "for example --expires 1h");
  }
  Credentials credentials;
  Scope scope;
  {
    const std::lock_guard lock(mutex_);
    if (!credentials_) credentials_ = options_.credentials();
    credentials = *credentials_;
    scope = {timestamp(world_.wall() + std::chrono::duration_cast<WallTime::duration>(skew_)),
             region_};
  }
  return address(key) + "?" +
         presigned_query(dialect_, credentials, scope,
                         {method, path_of(key), {}, {{"host", host()}}, kUnsigned},
                         static_cast<unsigned>(life.count()));
}

std::optional<WallTime> S3Store::time() {
  Ask ask;
  ask.method = "HEAD";
  return parse_http_time(request(ask).header("date"));
}

void S3Store::put_lifecycle(const std::string& xml) {
  Ask ask;
  ask.method = "PUT";
  ask.query = {{"lifecycle", ""}};
  ask.headers = {{"content-md5", md5_header(xml)}, {"content-type", "application/xml"}};
  ask.body = source_of(xml);
  ask.payload_hash = sha256_of(xml);
  const Reply reply = request(ask);
  if (reply.status == 400 || reply.status == 501) {
    throw Error(Exit::kUnsupported, "archive.unsupported",
                url("") + " does not take the rule: " + escaped(reply.code),
                "some stores end unfinished uploads by themselves, MinIO after a day");
  }
  if (!reply.ok()) refuse(ask, reply);
}

}  // namespace stream::archive

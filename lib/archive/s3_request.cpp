#include "archive/s3_request.h"

#include <algorithm>
#include <charconv>

#include "archive/s3_xml.h"
#include "base/error.h"
#include "base/text.h"
#include "base/url.h"

namespace stream::archive {

namespace {

constexpr double kFirstS3Wait = 0.2, kLongestS3Wait = 20;  // seconds
constexpr size_t kMaxS3Answer = 8 << 20;

bool one_of(const std::string& code, std::initializer_list<const char*> codes) {
  return std::any_of(codes.begin(), codes.end(), [&](const char* c) { return code == c; });
}

void add_condition(Pairs& headers, bool google) {
  if (google)
    headers.emplace_back("x-goog-if-generation-match", "0");
  else
    headers.emplace_back("if-none-match", "*");
}

// Worth another try: the store's own trouble, not ours.
bool is_temporary(int status, const std::string& code) {
  if (status == 429 || status == 408) return true;
  if (status >= 500 && status != 501 && status != 505) return true;
  if (status == 409) return one_of(code, {"ConditionalRequestConflict", "OperationAborted"});
  return one_of(code, {"RequestTimeout", "BadDigest", "XAmzContentSHA256Mismatch", "IncompleteBody",
                       "InternalError", "SlowDown", "ServiceUnavailable", "ExpiredToken",
                       "TokenRefreshRequired"});
}

Nanoseconds retry_after(const fetch::Answer& answer) {
  const std::string* text = answer.header("retry-after");
  int seconds = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), seconds);
  return std::chrono::seconds(std::clamp(seconds, 0, 300));
}

}  // namespace

std::string S3Store::host() const {
  std::string authority = "s3.amazonaws.com";
  if (!options_.endpoint.empty()) {
    authority = options_.endpoint.substr(options_.endpoint.find("://") + 3);
    authority = authority.substr(0, authority.find('/'));
    // libcurl leaves the port out of Host where it is the scheme's own.
    const bool tls = options_.endpoint.starts_with("https:");
    const std::string own_port = tls ? ":443" : ":80";
    if (authority.ends_with(own_port)) authority.resize(authority.size() - own_port.size());
  } else {
    const std::lock_guard lock(mutex_);
    authority = "s3." + region_ + ".amazonaws.com";
  }
  return virtual_hosted_ ? options_.bucket + "." + authority : authority;
}

std::string S3Store::path_of(const std::string& key) const {
  const std::string encoded = uri_encode(key, true);
  return virtual_hosted_ ? "/" + encoded
                         : "/" + options_.bucket + (key.empty() ? "" : "/" + encoded);
}

std::string S3Store::address(const std::string& key) const {
  const std::string scheme = options_.endpoint.starts_with("http:") ? "http://" : "https://";
  return scheme + host() + path_of(key);
}

fetch::Transfer S3Store::to_transfer(const Ask& ask, bool fresh_connection) {
  Credentials credentials;
  Scope scope;
  {
    const std::lock_guard lock(mutex_);
    if (!credentials_) credentials_ = options_.credentials();
    credentials = *credentials_;
    scope = {timestamp(world_.wall() + std::chrono::duration_cast<WallTime::duration>(skew_)),
             region_};
  }
  const std::string prefix(dialect_.header_prefix);
  SignedRequest request{ask.method, path_of(ask.key), ask.query, ask.headers, ask.payload_hash};
  for (auto& [name, value] : request.headers)  // what is written for AWS, in this dialect
    if (name.starts_with("x-amz-")) name = prefix + name.substr(6);
  request.headers.emplace_back(prefix + "content-sha256", ask.payload_hash);
  request.headers.emplace_back(prefix + "date", scope.time);
  if (!credentials.session_token.empty()) {
    request.headers.emplace_back(prefix + "security-token",
                                 std::string(credentials.session_token.reveal()));
  }
  request.headers.emplace_back("host", host());
  fetch::Transfer transfer;
  transfer.method = ask.method;
  const std::string query = canonical_query(request.query);
  transfer.url = address(ask.key) + (query.empty() ? "" : "?" + query);
  transfer.headers = request.headers;
  transfer.headers.pop_back();  // libcurl says Host itself
  transfer.headers.emplace_back("Authorization",
                                authorization(dialect_, credentials, scope, request));
  transfer.body_size = ask.body.size;
  transfer.body = ask.body.read;
  transfer.sink_status = ask.sink_status;
  transfer.max_body = kMaxS3Answer;
  transfer.limits = options_.limits;
  transfer.fresh_connection = fresh_connection;
  return transfer;
}

// True when the refusal taught something, so that another try may be made at once.
bool S3Store::learn(const Ask& ask, const fetch::Answer& answer, const std::string& code,
                    const std::string& region, Try& state) {
  const bool no_body = ask.method == "HEAD" && answer.body.empty();
  const std::string* date = answer.header("date");
  const auto theirs = date ? parse_http_time(*date) : std::nullopt;
  const bool skewed =
      one_of(code, {"RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"});
  const std::lock_guard lock(mutex_);
  if (theirs && (skewed || (no_body && answer.status == 403)) && state.skews < 2) {
    const Nanoseconds skew = *theirs - world_.wall();
    if (std::abs((skew - skew_).count()) > Nanoseconds(std::chrono::minutes(4)).count()) {
      ++state.skews;
      skew_ = skew;
      return true;
    }
  }
  const std::string* header = answer.header("x-amz-bucket-region");
  const std::string right = header ? *header : region;
  if ((answer.status == 301 || answer.status == 307 || answer.status == 400) && !right.empty() &&
      right.size() < 64 && right != region_ && state.regions < 2) {
    ++state.regions;
    region_ = right;
    return true;
  }
  // Another process may have written fresh ones.
  if (one_of(code, {"ExpiredToken", "TokenRefreshRequired", "InvalidToken"})) {
    const Credentials before = *credentials_;
    credentials_ = options_.credentials();
    const bool new_ones = !(before.secret_key == credentials_->secret_key &&
                            before.session_token == credentials_->session_token);
    return new_ones && state.reloads++ < 3;
  }
  return false;
}

S3Store::Reply S3Store::request(const Ask& ask) {
  const Nanoseconds began = world_.monotonic();
  Try state;
  Reply reply;
  uint64_t delivered = 0;
  for (bool fresh = false;;) {
    {
      const std::lock_guard lock(mutex_);
      if (stopped_) throw Error(Exit::kInterrupted, "archive.stopped", "stopped");
    }
    fetch::Transfer transfer = to_transfer(ask, fresh);
    if (ask.sink) {
      transfer.sink = [&](std::string_view bytes) {
        delivered += bytes.size();
        return ask.sink(bytes);
      };
    }
    const fetch::Answer answer = world_.send(transfer);
    ++state.count;
    reply.status = answer.status;
    reply.body = answer.body;
    reply.headers = answer.headers;
    reply.code.clear();
    reply.message = answer.failure;
    std::string region;
    const bool success = answer.status >= 200 && answer.status < 300;
    if (success && ask.hidden_error) reply.code = ask.hidden_error(answer.body);
    if (!success && answer.status != 0) {
      if (const auto error = parse_s3_error(answer.body))
        reply.code = error->code, reply.message = error->message, region = error->region;
    }
    if (reply.ok()) return reply;
    if (delivered > 0) {
      reply.broken = true;
      return reply;
    }
    if (answer.refused) return reply;
    if (answer.status == 0) reply.uncertain = reply.uncertain || answer.sent;
    if (learn(ask, answer, reply.code, region, state)) continue;
    if (answer.status != 0 && !is_temporary(answer.status, reply.code)) return reply;
    if (answer.status >= 500 || success) reply.uncertain = true;
    const auto wait =
        std::max(retry_after(answer), backoff(world_, state.count, kFirstS3Wait, kLongestS3Wait));
    if (world_.monotonic() - began + wait > options_.patience) return reply;
    if (options_.trouble) {
      std::string reason = reply.message.empty() ? reply.code : reply.message;
      if (answer.status != 0)
        reason = "HTTP " + std::to_string(answer.status) + (reason.empty() ? "" : ", " + reason);
      options_.trouble({url(ask.key), escaped(reason), state.count, wait});
    }
    if (!world_.wait(wait)) throw Error(Exit::kInterrupted, "archive.stopped", "stopped");
    fresh = answer.status == 0;
  }
}

// Adds the condition that nothing is there, where it is asked for. Stores that refuse to know it
// (Swift: 501) are told no more; whoever calls has looked beforehand.
S3Store::Reply S3Store::create(Ask& ask, const PutOptions& options) {
  const Pairs plain = ask.headers;
  bool condition = options.create_only;
  {
    const std::lock_guard lock(mutex_);
    condition = condition && conditions_;
  }
  if (!condition) return request(ask);
  add_condition(ask.headers, dialect_.algorithm == kGoog.algorithm);
  Reply reply = request(ask);
  if (reply.status != 501) return reply;
  {
    const std::lock_guard lock(mutex_);
    conditions_ = false;
  }
  ask.headers = plain;
  return request(ask);
}

S3Store::Reply S3Store::request_ok(const Ask& ask) {
  Reply reply = request(ask);
  if (!reply.ok()) refuse(ask, reply);
  return reply;
}

void S3Store::refuse(const Ask& ask, const Reply& reply) const {
  const std::string where = url(ask.key);
  std::string why = reply.status == 0 ? "" : "HTTP " + std::to_string(reply.status);
  if (!reply.code.empty()) why += (why.empty() ? "" : ", ") + escaped(reply.code);
  if (!reply.message.empty()) why += (why.empty() ? "" : ": ") + escaped(reply.message);
  if (reply.status == 412 || (reply.status == 304 && ask.method != "GET"))
    throw Error(Exit::kNotAllowed, "archive.exists", where + " exists already");
  if (reply.code == "NoSuchUpload" ||
      (reply.status == 409 && reply.code == "ConditionalRequestConflict")) {
    throw Error(Exit::kNo, "archive.upload", where + ": the store knows nothing of the upload");
  }
  if (reply.status == 404 && reply.code != "NoSuchBucket")
    throw Error(Exit::kNo, "archive.absent", where + " is not there");
  if (reply.status == 0 || is_temporary(reply.status, reply.code)) {
    throw Error(Exit::kNetwork, "archive.network", where + ": " + why,
                "what was sent is kept; try again later");
  }
  const bool rights = reply.status == 401 || reply.status == 403;
  throw Error(Exit::kRefused, "archive.refused", where + ": " + why,
              rights ? "check the credentials and what the bucket's policy allows them"
                     : "check the address, the region and the bucket's name");
}

}  // namespace stream::archive

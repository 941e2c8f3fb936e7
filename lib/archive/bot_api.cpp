#include "archive/bot_api.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "crypto/encoding.h"
#include "crypto/hash.h"

namespace stream::archive {

namespace {

using Json = nlohmann::json;

constexpr uint64_t kHostedUpload = 49'000'000, kHostedDownload = 20'000'000;
constexpr uint64_t kOwnUpload = 1'950'000'000;             // of 2,000 MB
constexpr double kFirstBotWait = 1, kLongestBotWait = 60;  // seconds
// A server hands a file on before it answers, at this rate or faster.
constexpr uint64_t kHandedOnPerSecond = 250'000;
constexpr size_t kMaxBotAnswer = 1 << 20;
constexpr Nanoseconds kSecond = std::chrono::seconds(1), kMinute = std::chrono::minutes(1);
constexpr size_t kPerMinute = 20;

// A quoted name within a part's head, as browsers write it.
std::string quoted(const std::string& name) {
  std::string out;
  for (const char c : name) {
    if (c == '"')
      out += "%22";
    else
      out += c;
  }
  return out;
}

bool says(const BotAnswer& answer, std::string_view words) {
  return answer.description.find(words) != std::string::npos;
}

}  // namespace

Nanoseconds ChatPace::wait(Nanoseconds now) const {
  Nanoseconds until = now;
  if (!times_.empty()) until = std::max(until, times_.back() + kSecond);
  if (times_.size() >= kPerMinute)
    until = std::max(until, times_[times_.size() - kPerMinute] + kMinute);
  return until - now;
}

void ChatPace::sent(Nanoseconds now) {
  times_.push_back(now);
  if (times_.size() > kPerMinute) times_.pop_front();
}

// A request's body: text, or text around a file, which is read as it goes out.
struct BotApi::Body {
  std::string content_type = "application/json", head, tail;
  const Source* file = nullptr;

  uint64_t file_size() const { return file ? file->size : 0; }
  uint64_t size() const { return head.size() + file_size() + tail.size(); }
  size_t read(uint64_t offset, std::span<char> out) const {
    if (offset >= head.size() && offset - head.size() < file_size())
      return file->read(offset - head.size(), out);
    const bool first = offset < head.size();
    const std::string& text = first ? head : tail;
    const uint64_t at = first ? offset : offset - head.size() - file_size();
    const size_t n = static_cast<size_t>(std::min<uint64_t>(out.size(), text.size() - at));
    std::memcpy(out.data(), text.data() + at, n);
    return n;
  }
};

BotApi::BotApi(BotOptions options, World world)
    : options_(std::move(options)), world_(std::move(world)) {}

uint64_t BotApi::upload_limit() const {
  return is_hosted() ? kHostedUpload : kOwnUpload;
}

uint64_t BotApi::download_limit() const {
  return is_hosted() ? kHostedDownload : UINT64_MAX;
}

void BotApi::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  if (world_.cancel) world_.cancel();
}

void BotApi::check_stopped() {
  const std::lock_guard lock(mutex_);
  if (stopped_) throw Error(Exit::kInterrupted, "archive.stopped", "stopped");
}

Secret BotApi::token() {
  const std::lock_guard lock(mutex_);
  if (!token_) {
    if (!options_.token) {
      throw Error(
          Exit::kNotAllowed, "archive.credentials", "there is no bot token for the chat",
          "pass --credentials @vault:NAME, where NAME holds the token that @BotFather gave");
    }
    Secret read = options_.token();
    if (!is_bot_token(read.reveal())) {
      throw Error(Exit::kConfig, "archive.credentials",
                  "the credentials are no bot token, such as 123456:ABC-DEF (not shown)",
                  "put it there as @BotFather gave it, for example: stream-keys vault put bot @-");
    }
    token_ = std::move(read);
  }
  return *token_;
}

std::string BotApi::address(const std::string& folder, const std::string& rest) {
  const Secret secret = token();
  std::string out;
  out.reserve(options_.endpoint.size() + folder.size() + rest.size() + 300);  // no copies
  (out += options_.endpoint) += folder;
  (out += "/bot") += secret.reveal();
  (out += "/") += rest;
  return out;
}

// The token, and its second half by itself in case something took it apart.
std::string BotApi::clean(std::string text) {
  const Secret secret = token();
  const std::string_view all = secret.reveal(), key = all.substr(all.find(':') + 1);
  for (const std::string_view hidden : {all, key}) {
    for (size_t at = 0; (at = text.find(hidden, at)) != std::string::npos;)
      text.replace(at, hidden.size(), "***"), at += 3;
  }
  return text;
}

Nanoseconds BotApi::backoff(int tries) const {
  return archive::backoff(world_, tries, kFirstBotWait, kLongestBotWait);
}

// The answer when it is the last word; nullopt: another try may help, after `wait`.
std::optional<BotAnswer> BotApi::judge(const fetch::Answer& http, std::string& reason,
                                       Nanoseconds& wait, int tries) {
  auto answer = http.status == 0 ? std::nullopt : parse_bot_answer(http.body);
  if (answer && answer->ok && http.status < 300) return answer;
  BotAnswer refusal = answer && !answer->ok ? *answer : BotAnswer{};
  if (refusal.code == 0) refusal.code = http.status;
  refusal.description = clean(http.status == 0 ? http.failure : refusal.description);
  reason = escaped(refusal.description);
  if (http.status != 0)
    reason = "HTTP " + std::to_string(refusal.code) + (reason.empty() ? "" : ", " + reason);
  const int code = refusal.code;
  const bool temporary =
      code == 0 ? !http.refused : code < 300 || code >= 500 || code == 429 || code == 408;
  if (!temporary) return refusal;
  wait = backoff(tries);
  int told = refusal.retry_after;
  if (const std::string* header = http.header("retry-after"); header && told == 0)
    std::from_chars(header->data(), header->data() + header->size(), told);
  // A second more, because theirs is cut to whole ones; and not everybody at once.
  if (told > 0)
    wait =
        std::chrono::seconds(told + 1) + Nanoseconds(static_cast<int64_t>(world_.random() * 1e9));
  return std::nullopt;
}

void BotApi::pause(Nanoseconds began, Nanoseconds wait, int tries, const std::string& reason,
                   const std::string& what) {
  if (world_.monotonic() - began + wait > options_.patience) {
    throw Error(Exit::kNetwork, "archive.network", what + ": " + reason,
                "what was sent is kept; try again later");
  }
  if (options_.trouble) options_.trouble({what, reason, tries, wait});
  if (!world_.wait(wait)) throw Error(Exit::kInterrupted, "archive.stopped", "stopped");
}

// Ends with the last word of the server, a success or a refusal.
BotAnswer BotApi::call(const std::string& method, const Body& body, const std::string& what) {
  const Nanoseconds began = world_.monotonic();
  bool fresh = false;
  for (int tries = 1;; ++tries) {
    check_stopped();
    bool unreadable = false;
    fetch::Transfer transfer;
    transfer.method = "POST";
    transfer.url = address("", method);
    transfer.headers = {{"Content-Type", body.content_type}};
    transfer.body_size = body.size();
    transfer.body = [&](uint64_t offset, std::span<char> out) {
      const size_t n = body.read(offset, out);
      unreadable = n == SIZE_MAX || n == 0;
      return unreadable ? SIZE_MAX : n;
    };
    transfer.limits = options_.limits;
    transfer.limits.answer += std::chrono::seconds(body.file_size() / kHandedOnPerSecond);
    transfer.max_body = kMaxBotAnswer;
    transfer.fresh_connection = fresh;
    const fetch::Answer http = world_.send(transfer);
    explicit_bzero(transfer.url.data(), transfer.url.size());
    if (http.cancelled) check_stopped();
    if (unreadable) {
      throw Error(Exit::kInputDamaged, "archive.changed",
                  what + ": the file changed while it was sent", "send it when it is finished");
    }
    std::string reason;
    Nanoseconds wait{};
    if (const auto answer = judge(http, reason, wait, tries)) return *answer;
    if (http.status == 0 && http.sent && body.file) reason += "; it may arrive twice";
    pause(began, wait, tries, reason, what);
    fresh = http.status == 0;
  }
}

BotAnswer BotApi::ask(const std::string& method, const std::string& json, const std::string& what) {
  Body body;
  body.head = json;
  return call(method, body, what);
}

void BotApi::refuse(const BotAnswer& answer, const std::string& what) const {
  const std::string why = what + ": HTTP " + std::to_string(answer.code) +
                          (answer.description.empty() ? "" : ", " + escaped(answer.description));
  if (answer.code == 413 || says(answer, "file is too big")) {
    throw Error(Exit::kRefused, "archive.large", why,
                is_hosted() ? "choose smaller parts, for example --part-size 19MB"
                            : "choose smaller parts, or start the server with --local");
  }
  if (answer.code == 401 || answer.code == 404) {
    throw Error(Exit::kRefused, "archive.refused", why,
                "check the bot token, and that the bot is logged in to this server");
  }
  throw Error(Exit::kRefused, "archive.refused", why,
              answer.code == 0 ? "check --endpoint"
                               : "check the chat's name and that the bot may post there");
}

ChatMessage BotApi::send(const std::string& chat, const OutgoingFile& file, const Source& source,
                         const std::string& what) {
  if (const Nanoseconds wait = pace_.wait(world_.monotonic()); wait.count() > 0) {
    if (!world_.wait(wait)) throw Error(Exit::kInterrupted, "archive.stopped", "stopped");
  }
  const std::string boundary = "part-" + crypto::hex(crypto::random_bytes(16));
  for (bool moved = false;; moved = true) {
    std::string to = chat;
    {
      const std::lock_guard lock(mutex_);
      if (const auto at = moved_.find(chat); at != moved_.end()) to = at->second;
    }
    Body body;
    body.content_type = "multipart/form-data; boundary=" + boundary;
    const auto field = [&](const std::string& name, const std::string& value) {
      body.head += "--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + name +
                   "\"\r\n\r\n" + value + "\r\n";
    };
    field("chat_id", to);
    if (!file.caption.empty()) field("caption", file.caption);
    if (file.is_video) {
      field("supports_streaming", "true");
      for (const auto& [name, value] : file.shape) field(name, value);
    } else {
      field("disable_content_type_detection", "true");
    }
    body.head += "--" + boundary + "\r\nContent-Disposition: form-data; name=\"" +
                 (file.is_video ? "video" : "document") + "\"; filename=\"" + quoted(file.name) +
                 "\"\r\nContent-Type: " + file.content_type + "\r\n\r\n";
    body.tail = "\r\n--" + boundary + "--\r\n";
    body.file = &source;
    const BotAnswer answer = call(file.is_video ? "sendVideo" : "sendDocument", body, what);
    pace_.sent(world_.monotonic());
    if (!answer.ok && answer.move_to && !moved) {
      const std::lock_guard lock(mutex_);
      moved_[chat] = std::to_string(*answer.move_to);
      continue;
    }
    if (!answer.ok) refuse(answer, what);
    if (answer.message_id == 0 || !answer.file) {
      throw Error(Exit::kRefused, "archive.refused",
                  what + ": the server says that it was sent, but not as which file",
                  "check --endpoint: is it a Bot API server?");
    }
    ChatMessage message{to, answer.message_id, answer.file->id, source.size};
    if (answer.file->size != 0 && answer.file->size != source.size) {
      remove(message, what);
      throw Error(Exit::kRefused, "archive.refused",
                  what + ": of " + std::to_string(source.size) + " bytes the server has kept " +
                      std::to_string(answer.file->size) + "; the message is taken back",
                  "try again; if it stays so, the server changes such files");
    }
    return message;
  }
}

bool BotApi::remove(const ChatMessage& message, const std::string& what) {
  const Json which = {{"chat_id", message.chat}, {"message_id", message.id}};
  const BotAnswer answer = ask("deleteMessage", which.dump(), what);
  if (answer.ok) return true;
  if (answer.code == 400 && says(answer, "message to delete not found")) return true;
  if (answer.code == 400 && says(answer, "can't be deleted")) return false;
  refuse(answer, what);
}

}  // namespace stream::archive

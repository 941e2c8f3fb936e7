#include "admission.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/secret_source.h"
#include "keys/publish_token.h"

namespace stream::ingest {

using media::PublishAttempt;
using media::PublisherAdmission;
using namespace std::chrono_literals;

Admission::Admission(boost::asio::io_context& io, control::Service& service, const Options& options,
                     Streams& streams)
    : options_(options),
      single_(options.single_name()),
      streams_(streams),
      refusals_(service),
      key_timer_(io),
      io_(io) {}

void Admission::start() {
  if (!options_.token_key.empty()) token_key_ = keys::read_public_key(options_.token_key);
  if (const std::string& url = options_.auth_url; !url.empty())
    endpoint_.emplace(io_, cli::secret_of(url));
  if (options_.key_file.empty()) return;
  keys_ = std::make_unique<keys::KeyFile>(options_.key_file);
  watch_keys();
}

// A key that was revoked with --kick ends its running session.
void Admission::watch_keys() {
  key_timer_.expires_after(1s);
  key_timer_.async_wait([this](boost::system::error_code cancelled) {
    if (cancelled) return;
    if (const uint64_t version = keys_->version(); version != key_version_) {
      key_version_ = version;
      streams_.each([this](LiveStream& stream) {
        stream.drop_publishers(
            [this](const std::string& credential) { return keys_->may_stay(credential); },
            "the key was revoked");
      });
    }
    watch_keys();
  });
}

media::PublisherHooks Admission::hooks() {
  return {[this](const PublishAttempt& attempt, media::PublisherHooks::Answered answered) {
            check(attempt, std::move(answered));
          },
          [this](const PublishAttempt& attempt, PublisherAdmission admission) {
            return publish(attempt, std::move(admission));
          },
          [this](const std::string& address, const std::string& reason, const std::string& id) {
            refusals_.tell({}, address, reason, id);
          }};
}

PublisherAdmission Admission::refuse(const PublishAttempt& attempt, const std::string& stream,
                                     const std::string& reason, const std::string& id,
                                     PublisherAdmission::Refusal refusal,
                                     const std::string& description) {
  refusals_.tell(stream, attempt.address, reason, id);
  PublisherAdmission admission;
  admission.refusal = refusal;
  admission.description = description;
  return admission;
}

std::optional<std::string> Admission::open_name(const PublishAttempt& attempt) const {
  std::vector<std::string> open = options_.open;
  if (open.empty() && !options_.asks_for_keys()) {
    open.push_back(single_);
    for (const InputSpec& input : options_.inputs)
      if (!input.key.empty()) open.push_back(input.key);
  }
  if (attempt.keys.empty() && open.size() == 1 && !options_.asks_for_keys()) return open.front();
  // WHIP names the stream in its URL.
  if (attempt.keys.empty() && std::find(open.begin(), open.end(), attempt.stream) != open.end())
    return attempt.stream;
  for (const std::string& name : open)
    for (const Secret& key : attempt.keys)
      if (key.reveal() == name) return name;
  return std::nullopt;
}

void Admission::check(const PublishAttempt& attempt, media::PublisherHooks::Answered answered) {
  if (const auto name = open_name(attempt)) return answered(let(attempt, *name, {}));
  const keys::Verdict verdict = find_key(attempt);
  if (verdict.ok()) return answered(let(attempt, verdict.key.stream, verdict.credential));
  std::string reason = keys::text_of(verdict.refusal);
  if (verdict.refusal == keys::Refusal::kUnknown) {
    if (const auto name = find_token(attempt, reason)) return answered(let(attempt, *name, {}));
    if (endpoint_) return ask_endpoint(attempt, std::move(answered));
  }
  answered(refuse_key(attempt, verdict.key.stream, reason));
}

keys::Verdict Admission::find_key(const PublishAttempt& attempt) {
  keys::Verdict verdict;
  for (const Secret& key : attempt.keys) {
    if (!keys_ || key.empty()) continue;
    keys::Verdict next = keys_->check({key.reveal(), attempt.protocol, attempt.host});
    // The refusal of a known key says more than that of an unknown one.
    if (next.ok() || verdict.refusal == keys::Refusal::kUnknown) verdict = std::move(next);
    if (verdict.ok()) break;
  }
  return verdict;
}

// `reason` tells what is wrong with the last one that is a token.
std::optional<std::string> Admission::find_token(const PublishAttempt& attempt,
                                                 std::string& reason) {
  if (!token_key_) return std::nullopt;
  for (const Secret& key : attempt.keys) {
    if (!keys::looks_like_token(key.reveal())) continue;
    const auto token = keys::check_publish_token(
        key.reveal(), *token_key_, std::chrono::floor<std::chrono::seconds>(wall_now()));
    if (token.stream) return token.stream;
    reason = token.reason;
  }
  return std::nullopt;
}

void Admission::ask_endpoint(const PublishAttempt& attempt,
                             media::PublisherHooks::Answered answered) {
  using Kind = keys::PublishAnswer::Kind;
  endpoint_->ask(
      attempt, [this, attempt, answered = std::move(answered)](const keys::PublishAnswer& answer) {
        if (answer.kind == Kind::kNo)
          return answered(refuse_key(attempt, {}, "the endpoint refuses the key"));
        std::string stream = answer.stream, reason = answer.reason;
        if (stream.empty()) stream = is_stream_name(attempt.stream) ? attempt.stream : single_;
        if (reason.empty() && stream.empty()) reason = "nobody says which stream the key is of";
        if (reason.empty()) return answered(let(attempt, stream, {}));
        answered(refuse(attempt, {}, "the endpoint: " + escaped(reason), "publish.unavailable",
                        PublisherAdmission::Refusal::kUnavailable, {}));
      });
}

PublisherAdmission Admission::let(const PublishAttempt& attempt, const std::string& stream,
                                  const std::string& credential) {
  PublisherAdmission admission;
  admission.stream = stream;
  admission.credential = credential;
  return check_stream(attempt, std::move(admission));
}

// The peer learns no more than that.
PublisherAdmission Admission::refuse_key(const PublishAttempt& attempt, const std::string& stream,
                                         const std::string& reason) {
  PublisherAdmission refusal = refuse(attempt, stream, reason, "publish.key",
                                      PublisherAdmission::Refusal::kKey, "unknown stream key");
  refusal.delay = limiter_.failed(attempt.host, monotonic_now());
  return refusal;
}

// Which input of which stream a key's name publishes to.
std::optional<Admission::Route> Admission::route(const std::string& key_name) const {
  if (options_.inputs.empty()) return Route{key_name, 0};
  for (size_t i = 0; i < options_.inputs.size(); ++i) {
    const InputSpec& input = options_.inputs[i];
    if (input.publishers && key_name == (input.key.empty() ? single_ : input.key))
      return Route{single_, i};
  }
  return std::nullopt;
}

PublisherAdmission Admission::check_stream(const PublishAttempt& attempt,
                                           PublisherAdmission admission) {
  using Refusal = PublisherAdmission::Refusal;
  const std::string& key_name = admission.stream;
  const auto to = route(key_name);
  if (!to)
    return refuse(attempt, key_name, "no input takes publishers of '" + key_name + "'",
                  "publish.name", Refusal::kStream, "this server takes another stream");
  const auto& [name, input] = *to;
  if (!options_.to_bus() && name != single_)
    return refuse(attempt, name, "only stream '" + single_ + "' is taken here", "publish.name",
                  Refusal::kStream, "this server takes another stream");
  if (!attempt.stream.empty() && attempt.stream != key_name)
    return refuse(attempt, name, "the key is of another stream than the one it names",
                  "publish.name", Refusal::kStream, "the key is of another stream");
  const auto live = streams_.find(name);
  if (live && live->has_publisher(input) && options_.on_conflict == "refuse")
    return refuse(attempt, name, "the stream is live already", "publish.conflict",
                  Refusal::kConflict, "the stream is live already");
  if (!live && !options_.to_bus())
    return refuse(attempt, name, "the stream has ended", "publish.ended", Refusal::kStream,
                  "the stream has ended");
  return admission;
}

PublisherAdmission Admission::publish(const PublishAttempt& attempt, PublisherAdmission admission) {
  admission = check_stream(attempt, std::move(admission));
  if (!admission.ok()) return admission;
  const auto [name, input] = *route(admission.stream);
  try {
    auto stream = streams_.find(name);
    if (!stream) stream = streams_.make(name);
    admission.receiver = stream->publish(attempt, admission.credential, input);
    log::info("stream " + name + ": publisher " + attempt.address);
    return admission;
  } catch (const Error& error) {
    return refuse(attempt, name, error.what(), error.id(),
                  PublisherAdmission::Refusal::kUnavailable, "the stream cannot be started here");
  }
}

}  // namespace stream::ingest

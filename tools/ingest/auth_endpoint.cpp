#include "auth_endpoint.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "base/error.h"
#include "base/url.h"
#include "crypto/encoding.h"
#include "fetch/client.h"

namespace stream::ingest {
namespace {

using Answer = keys::PublishAnswer;

constexpr size_t kThreads = 8;

// What makes two questions the same, without the key in it.
crypto::Digest id_of(const media::PublishAttempt& attempt) {
  crypto::Sha256 hash;
  for (const std::string_view part :
       {std::string_view(attempt.protocol), std::string_view(attempt.host),
        std::string_view(attempt.stream),
        attempt.keys.empty() ? std::string_view() : attempt.keys.front().reveal()}) {
    const std::string size = std::to_string(part.size()) + ":";
    hash.add(crypto::bytes_of(size));
    hash.add(crypto::bytes_of(part));
  }
  return hash.finish();
}

Answer unclear(std::string reason) {
  return {Answer::Kind::kUnclear, {}, std::move(reason)};
}

// On a thread of the pool.
Answer request(const std::string& url, const Secret& body, Nanoseconds until) {
  const Nanoseconds left = until - monotonic_now();
  if (left <= std::chrono::milliseconds(1)) return unclear("the endpoint is too slow");
  fetch::Request request;
  request.method = "POST";
  request.url = url;
  request.headers = {"Content-Type: application/json", "Accept: application/json"};
  request.body = body;
  request.timeout = std::chrono::duration_cast<std::chrono::milliseconds>(left);
  request.max_body = keys::kMaxAnswer;
  const fetch::Response response = fetch::send(request);
  if (response.status == 0) return unclear(response.failure);
  return keys::read_answer(response.status, response.body);
}

}  // namespace

AuthEndpoint::AuthEndpoint(boost::asio::io_context& io, Secret url)
    : io_(io), url_(std::move(url)), threads_(kThreads) {
  const auto parsed = parse_url(url_.reveal());
  const bool plain = parsed && parsed->scheme == "http" && is_loopback_host(parsed->host);
  if (!plain && !(parsed && parsed->scheme == "https"))
    throw Error(Exit::kUsage, "ingest.auth",
                "--auth-url " + (parsed ? parsed->redacted() : std::string("(no URL)")) +
                    " can't be asked: keys travel in the question",
                "give an https:// URL, or http:// to this machine");
}

AuthEndpoint::~AuthEndpoint() {
  *alive_ = false;
  threads_.stop();
  threads_.join();
}

void AuthEndpoint::ask(const media::PublishAttempt& attempt, Told told) {
  const crypto::Digest id = id_of(attempt);
  const Nanoseconds now = monotonic_now();
  std::erase_if(known_, [now](const auto& known) { return known.second.until <= now; });
  if (const auto known = known_.find(id); known != known_.end()) return told(known->second.answer);
  if (const auto same = asked_.find(id); same != asked_.end()) {
    same->second.waiting.push_back(std::move(told));
    if (same->second.waiting.size() == 1) limit(id, same->second);
    return;
  }
  const auto from_there = std::count_if(asked_.begin(), asked_.end(), [&](const auto& question) {
    return question.second.host == attempt.host;
  });
  if (asked_.size() >= kAtOnce || static_cast<size_t>(from_there) >= kPerAddress)
    return told(unclear("too many questions wait for the endpoint"));
  Question& question = asked_[id];
  question.host = attempt.host;
  question.waiting.push_back(std::move(told));
  limit(id, question);
  send(id, attempt);
}

void AuthEndpoint::limit(const crypto::Digest& id, Question& question) {
  question.limit = std::make_unique<boost::asio::steady_timer>(io_, kLimit);
  question.limit->async_wait([this, id, alive = alive_](boost::system::error_code cancelled) {
    if (cancelled || !*alive) return;
    if (const auto at = asked_.find(id); at != asked_.end())
      tell(at->second, unclear("the endpoint gave no answer within 3 s"));
  });
}

void AuthEndpoint::send(const crypto::Digest& id, const media::PublishAttempt& attempt) {
  keys::PublishQuestion q;
  q.protocol = attempt.protocol;
  q.address = attempt.address;
  q.host = attempt.host;
  q.encoder = attempt.encoder;
  q.stream = attempt.stream;
  if (!attempt.keys.empty()) q.key = attempt.keys.front().reveal();
  boost::asio::post(
      threads_, [this, id, alive = alive_, io = &io_, url = std::string(url_.reveal()),
                 body = keys::write_question(q), until = monotonic_now() + kLimit]() mutable {
        Answer answer = request(url, body, until);
        boost::asio::post(*io, [this, id, alive = std::move(alive), answer = std::move(answer)] {
          if (*alive) answered(id, answer);
        });
      });
}

void AuthEndpoint::answered(const crypto::Digest& id, Answer answer) {
  const auto at = asked_.find(id);
  Question question = std::move(at->second);
  asked_.erase(at);
  question.limit->cancel();
  // Also an answer that came too late for who asked: he comes again.
  if (answer.kind != Answer::Kind::kUnclear && known_.size() < kMostRemembered)
    known_[id] = {answer, monotonic_now() + kRemembered};
  tell(question, answer);
}

void AuthEndpoint::tell(Question& question, const Answer& answer) {
  for (const Told& told : std::exchange(question.waiting, {})) told(answer);
}

}  // namespace stream::ingest

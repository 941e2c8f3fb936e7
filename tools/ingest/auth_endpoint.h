// --auth-url: asks an operator's HTTP endpoint who may publish. Requests run on threads of their
// own, so nothing waits for them but the publisher; an answer is remembered for a moment, so that
// an encoder which comes back, or one that could not wait, does not ask again. On the io context's
// thread.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "crypto/hash.h"
#include "ingest/publisher.h"
#include "keys/publish_question.h"

namespace stream::ingest {

class AuthEndpoint {
 public:
  using Told = std::function<void(const keys::PublishAnswer&)>;
  // `url` may hold a secret. Throws Error kUsage "ingest.auth" for one that can't be asked.
  AuthEndpoint(boost::asio::io_context& io, Secret url);
  ~AuthEndpoint();  // nobody is told any more; waits for the requests on their way
  AuthEndpoint(const AuthEndpoint&) = delete;

  // `told` is called once: at once or within kLimit; kUnclear when there is no answer by then.
  void ask(const media::PublishAttempt& attempt, Told told);

  static constexpr Nanoseconds kLimit = std::chrono::seconds(3);
  static constexpr Nanoseconds kRemembered = std::chrono::seconds(5);
  static constexpr size_t kAtOnce = 64, kPerAddress = 16, kMostRemembered = 4096;

 private:
  struct Question {
    std::string host;
    std::vector<Told> waiting;
    std::unique_ptr<boost::asio::steady_timer> limit;
  };
  struct Known {
    keys::PublishAnswer answer;
    Nanoseconds until{0};
  };
  void limit(const crypto::Digest& id, Question& question);
  void send(const crypto::Digest& id, const media::PublishAttempt& attempt);
  void answered(const crypto::Digest& id, keys::PublishAnswer answer);
  void tell(Question& question, const keys::PublishAnswer& answer);

  boost::asio::io_context& io_;
  const Secret url_;
  std::map<crypto::Digest, Question> asked_;  // until the request is over
  std::map<crypto::Digest, Known> known_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // for what was posted
  boost::asio::thread_pool threads_;
};

}  // namespace stream::ingest

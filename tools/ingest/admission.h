// Who may publish, and to what: the key or the name that a publisher shows, the stream and the
// input these lead to, and whether there is room for it. Answers the servers' hooks and tells
// refusals as events. On the io context's thread.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "auth_endpoint.h"
#include "control/service.h"
#include "crypto/jwt.h"
#include "ingest/publisher.h"
#include "keys/failure_limiter.h"
#include "keys/key_file.h"
#include "live_stream.h"
#include "options.h"
#include "refusals.h"

namespace stream::ingest {

// The streams that there are, for those who lead publishers to them.
class Streams {
 public:
  virtual std::shared_ptr<LiveStream> find(const std::string& name) const = 0;  // null: not live
  virtual std::shared_ptr<LiveStream> make(const std::string& name) = 0;        // throws Error
  virtual void each(const std::function<void(LiveStream&)>& visit) = 0;

 protected:
  ~Streams() = default;
};

class Admission {
 public:
  Admission(boost::asio::io_context& io, control::Service& service, const Options& options,
            Streams& streams);
  // Opens the key file, throws as KeyFile does; from here on it is watched. Reads the token's key
  // and where the endpoint is.
  void start();
  media::PublisherHooks hooks();

 private:
  using Answer = media::PublisherAdmission;
  struct Route {
    std::string stream;
    size_t input = 0;
  };
  void watch_keys();
  void check(const media::PublishAttempt& attempt, media::PublisherHooks::Answered answered);
  // What the key file and the token's key say of what may be the key.
  keys::Verdict find_key(const media::PublishAttempt& attempt);
  std::optional<std::string> find_token(const media::PublishAttempt& attempt, std::string& reason);
  void ask_endpoint(const media::PublishAttempt& attempt, media::PublisherHooks::Answered answered);
  Answer let(const media::PublishAttempt& attempt, const std::string& stream,
             const std::string& credential);
  Answer refuse_key(const media::PublishAttempt& attempt, const std::string& stream,
                    const std::string& reason);
  Answer check_stream(const media::PublishAttempt& attempt, Answer answer);
  Answer publish(const media::PublishAttempt& attempt, Answer answer);
  Answer refuse(const media::PublishAttempt& attempt, const std::string& stream,
                const std::string& reason, const std::string& id, Answer::Refusal refusal,
                const std::string& description);
  std::optional<Route> route(const std::string& key_name) const;
  std::optional<std::string> open_name(const media::PublishAttempt& attempt) const;

  const Options& options_;
  const std::string single_;
  Streams& streams_;
  Refusals refusals_;
  std::unique_ptr<keys::KeyFile> keys_;
  std::optional<crypto::VerifyKey> token_key_;
  boost::asio::steady_timer key_timer_;
  uint64_t key_version_ = 0;
  keys::FailureLimiter limiter_;
  boost::asio::io_context& io_;
  std::optional<AuthEndpoint> endpoint_;
};

}  // namespace stream::ingest

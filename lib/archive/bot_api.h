// A Telegram Bot API server, hosted or of one's own: files into a chat, out of it again, and away.
// Each call is tried again with growing random waits until its patience is over; a 429 is obeyed to
// the second, and messages keep the pace that a chat allows. The token is a part of every address:
// whatever is said about a failure is cleaned of it. Thread-safe, but for send(): one at a time.
#pragma once
#include <deque>
#include <map>
#include <mutex>

#include "archive/bot_answer.h"
#include "archive/world.h"
#include "base/secret.h"

namespace stream::archive {

inline constexpr char kBotHost[] = "https://api.telegram.org";

struct BotOptions {
  std::string endpoint = kBotHost;  // "http[s]://host[:port]"
  fetch::PhaseLimits limits;
  Nanoseconds patience = std::chrono::hours(24);  // of one call
  std::function<Secret()> token;                  // called when it is needed first
  std::function<void(const Trouble&)> trouble;    // may be empty; any thread
};

struct OutgoingFile {
  std::string name, caption, content_type;
  bool is_video = false;  // an MP4 to be played in the chat; otherwise a document
  // Of a video: "duration", "width", "height", in seconds and pixels.
  std::map<std::string, std::string> shape;
};

// How many messages a chat takes: one a second, 20 a minute.
class ChatPace {
 public:
  Nanoseconds wait(Nanoseconds now) const;
  void sent(Nanoseconds now);

 private:
  std::deque<Nanoseconds> times_;
};

class BotApi {
 public:
  BotApi(BotOptions options, World world);

  bool is_hosted() const { return options_.endpoint == kBotHost; }
  // What one message holds; what getFile gives out.
  uint64_t upload_limit() const;
  uint64_t download_limit() const;

  // `what`, here and below: what the failure is about, for people. The message's file has the size
  // of what was sent, or it is taken back and Error "archive.refused".
  ChatMessage send(const std::string& chat, const OutgoingFile& file, const Source& source,
                   const std::string& what);
  // Its bytes from `offset`, `size` of them. Error kRefused "archive.large" where this server
  // doesn't give out files of its size.
  void download(const ChatMessage& message, uint64_t offset, uint64_t size, const Sink& sink,
                const std::string& what);
  // False when the server refuses: it is older than 48 hours. One that is gone is no error.
  bool remove(const ChatMessage& message, const std::string& what);
  void stop();

 private:
  struct Body;
  struct Download;
  Secret token();
  std::string address(const std::string& folder, const std::string& rest);
  std::string clean(std::string text);
  BotAnswer call(const std::string& method, const Body& body, const std::string& what);
  BotAnswer ask(const std::string& method, const std::string& json, const std::string& what);
  std::optional<BotAnswer> judge(const fetch::Answer& http, std::string& reason, Nanoseconds& wait,
                                 int tries);
  Nanoseconds backoff(int tries) const;
  void pause(Nanoseconds began, Nanoseconds wait, int tries, const std::string& reason,
             const std::string& what);
  void check_stopped();
  bool read_here(const std::string& path, Download& download);
  [[noreturn]] void refuse(const BotAnswer& answer, const std::string& what) const;

  BotOptions options_;
  World world_;
  ChatPace pace_;
  std::mutex mutex_;  // of all below
  std::optional<Secret> token_;
  std::map<std::string, std::string> moved_;  // groups that became supergroups: their new number
  bool stopped_ = false;
};

}  // namespace stream::archive

// A Telegram chat as a mirror of recordings. It is a Store, so that the verbs, the journal of
// uploads and the catalogue serve it as they are; what a chat lacks (names, listing, conditions)
// a directory of this machine keeps: a record for each object that says which messages hold it, and
// the catalogue. An object of one piece is one message; one that goes up in parts is a message for
// each, one after another. A record is on the disk before put() or put_part() returns, so that a
// kill costs the one message under way. Thread-safe; one message is sent at a time.
#pragma once
#include "archive/bot_api.h"
#include "archive/dir_store.h"

namespace stream::archive {

class ChatStore : public Store {
 public:
  // `chat`: "@name" or a number. `directory`: of the records and the catalogue.
  // Of PutOptions' metadata, "caption" is shown with the message; with "parts" beside it, how many
  // there will be, each says which it is. "duration", "width" and "height" shape a video.
  ChatStore(BotOptions options, World world, std::string chat, std::string directory);

  uint64_t upload_limit() const { return api_.upload_limit(); }
  uint64_t download_limit() const { return api_.download_limit(); }

  std::string url(const std::string& key) const override;
  std::string put(const std::string& key, const Source& source, const PutOptions& options) override;
  std::string begin_upload(const std::string& key, const PutOptions& options) override;
  Part put_part(const std::string& key, const std::string& upload, Part part,
                const Source& source) override;
  std::optional<std::vector<Part>> parts(const std::string& key,
                                         const std::string& upload) override;
  std::string finish_upload(const std::string& key, const std::string& upload,
                            const std::vector<Part>& parts, const PutOptions& options) override;
  void abort_upload(const std::string& key, const std::string& upload) override;
  std::vector<Upload> uploads(const std::string& prefix) override;
  std::optional<Object> head(const std::string& key) override;
  void get(const std::string& key, uint64_t offset, uint64_t size, const Sink& sink) override;
  Page list(const std::string& prefix, const std::string& after, bool by_folder) override;
  // Throws Error kRefused "archive.refused" for messages older than 48 hours: a bot can't delete
  // them. Their objects stay; those of which all is gone are gone.
  void remove(const std::vector<std::string>& keys) override;
  std::string presign(const std::string& method, const std::string& key,
                      std::chrono::seconds life) override;
  void put_lifecycle(const std::string& xml) override;
  std::vector<ChatMessage> messages(const std::string& key) override;
  void stop() override { api_.stop(); }

 private:
  struct Record;
  void check(const std::string& key) const;
  std::optional<Record> load(const std::string& key);
  std::string save(const std::string& key, const Record& record, bool create_only);
  Record begun(const std::string& key, const std::string& upload);
  std::vector<std::pair<Part, ChatMessage>> sent(const std::string& upload);
  void forget(const std::string& upload);
  size_t take_back(const std::vector<ChatMessage>& messages, const std::string& what);

  BotApi api_;
  const std::string chat_;
  DirStore records_;
  std::mutex sending_;
};

}  // namespace stream::archive

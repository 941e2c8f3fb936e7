// What a Telegram Bot API server answers: {"ok":true,"result":...} or {"ok":false,"error_code":...,
// "description":...,"parameters":{...}}. Hostile text in, values out; no I/O.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stream::archive {

struct BotFile {
  std::string id;     // file_id: of this bot only
  uint64_t size = 0;  // 0: not told
  std::string path;   // of getFile: where it is to be fetched; may be empty
};

struct BotAnswer {
  bool ok = false;
  // Of a failure.
  int code = 0;
  std::string description;
  int retry_after = 0;             // seconds; 0: not told
  std::optional<int64_t> move_to;  // migrate_to_chat_id: the chat has this number now
  // Of a message, or of getFile. A message's file is a document, or what the server took it for.
  int64_t message_id = 0;  // 0: no message
  std::optional<BotFile> file;
};

// nullopt for what is no answer of that form: cut off, another program's, too large.
std::optional<BotAnswer> parse_bot_answer(std::string_view text);

// "123456:AbC-...": the form of a token. Its first number is the bot's, and public.
bool is_bot_token(std::string_view text);
// A file_path that may be put into an address: relative, of plain characters, without "..".
bool is_bot_file_path(std::string_view path);

}  // namespace stream::archive

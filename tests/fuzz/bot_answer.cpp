// What a Telegram Bot API server answers.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "archive/bot_answer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stream::archive;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto answer = parse_bot_answer(text)) {
    if (answer->code < 0 || answer->code > 999 || answer->retry_after < 0) std::abort();
    if (answer->file && (answer->file->id.empty() || answer->file->id.size() > 512)) std::abort();
  }
  if (is_bot_file_path(text) && (text[0] == '/' || text.find("..") != text.npos)) std::abort();
  is_bot_token(text);
  return 0;
}
